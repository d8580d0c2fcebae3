export { alternate, median, type PeerProcess, peerEnvironment, startPeer, type Timing } from './measure';
export { formatNumber, pageOrigin } from './report';
export type { Bench, BenchContext, BenchRow } from './rows';
