/**
 * Notes between the processes of a job beside its collectives: that one has failed or is done, and who is late. Sent and
 * read by the threads that own MPI, which answer also while the ranks of their process hang.
 */
import type { CollectiveErrorReason } from '../errors';
import type { Communicator, Done, Mpi } from './library';

export type Note =
  | {
      readonly kind: 'failed';
      readonly rank: number;
      readonly reason: CollectiveErrorReason;
      readonly text: string;
    }
  /** This process has ended well; its last collectives had these numbers, by lane. */
  | { readonly kind: 'left'; readonly numbers: readonly number[] }
  /** Which of your ranks have not reached collective `number` of `lane`? */
  | { readonly kind: 'who is late'; readonly lane: 0 | 1; readonly number: number }
  | { readonly kind: 'late'; readonly ranks: readonly { readonly rank: number; readonly text: string }[] };

const maxBytes = 8192;

export class Notes {
  private readonly inbox = new Uint8Array(new SharedArrayBuffer(maxBytes));
  private pending: Done | undefined;
  private sending: Done[] = [];

  constructor(
    private readonly mpi: Mpi,
    private readonly comm: Communicator,
    private readonly process: number,
    private readonly processes: number,
  ) {}

  send(note: Note, to: number): void {
    const text = new TextEncoder().encode(JSON.stringify({ from: this.process, note }));
    if (text.length > maxBytes) throw new RangeError(`a note must have at most ${maxBytes} bytes.`);
    const bytes = new Uint8Array(maxBytes);
    bytes.set(text);
    this.sending.push(this.mpi.send(this.comm, bytes, to));
  }

  sendAll(note: Note): void {
    for (let to = 0; to < this.processes; to++) if (to !== this.process) this.send(note, to);
  }

  /** A note that has come, if one has. To be called until none is expected any more: MPI must end without a receive. */
  poll(): { readonly from: number; readonly note: Note } | undefined {
    this.pending ??= this.mpi.receive(this.comm, this.inbox);
    if (!this.pending()) return undefined;
    this.pending = undefined;
    return JSON.parse(new TextDecoder().decode(this.inbox.slice(0, this.inbox.indexOf(0))));
  }

  get allSent(): boolean {
    this.sending = this.sending.filter((done) => !done());
    return this.sending.length === 0;
  }
}
