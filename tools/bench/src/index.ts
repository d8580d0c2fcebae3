export { alternate, median, type PeerProcess, peerEnvironment, startPeer, type Timing } from './measure';
export type { Bench, BenchContext, BenchRow } from './rows';
