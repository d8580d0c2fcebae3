/** `mpiCollectives.mjs <folder>`: every collective; each rank writes what it got. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { initProcessGroup } from '@tfkit/ddp';
import collectives from './collectives.mjs';

const group = await initProcessGroup({ backend: 'mpi', timeout: 60_000 });
const results = await collectives(group, { long: 2_500_000 });
writeFileSync(join(process.argv[2], `${group.rank}.bin`), serialize(results));
console.log(`rank ${group.rank} of ${group.size} is done`);
