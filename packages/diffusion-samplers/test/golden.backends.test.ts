/** The reference runs on tensors: a few of each family in the browser, all of them by the golden command. */
import { describeBackends } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import adapter from './golden';
import ddim from './golden/cases/ddim__eta1.json';
import dpmSolver from './golden/cases/dpmpp_2m.json';
import edm from './golden/cases/edm_euler.json';
import euler from './golden/cases/euler_ancestral.json';
import flow from './golden/cases/flow_heun.json';
import pndm from './golden/cases/pndm__plms.json';
import uniPc from './golden/cases/unipc_bh2.json';

const cases = { ddim, dpmSolver, edm, euler, flow, pndm, uniPc };

describeBackends('reference runs on tensors', (backend) => {
  it.each(Object.entries(cases))('%s', async (name, document) => {
    expect(await adapter.check({ name, document, folder: '', backend })).toBeUndefined();
  });
});
