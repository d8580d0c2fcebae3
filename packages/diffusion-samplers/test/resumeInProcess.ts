/** Goes on from the snapshot on standard input, in a process that has nothing else; answers with the sample's bytes. */
import { text } from 'node:stream/consumers';
import { type ArrayModel, sample } from '../src';

async function main(): Promise<void> {
  const { plan, snapshot, seed } = JSON.parse(await text(process.stdin));
  const model: ArrayModel = (x, { sigma }) => Float32Array.from(x, (value) => sigma * value);
  const { x } = await sample(plan, model, { seed, resume: snapshot });
  process.stdout.write(Buffer.from(x.buffer).toString('base64'));
}

main();
