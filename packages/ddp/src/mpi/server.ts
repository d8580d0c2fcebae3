/**
 * The thread that owns MPI: does what the arena's ranks ask for, on either lane, and watches over it. Nothing here waits
 * inside MPI, so a job that hangs is noticed: who is late is asked of all processes, told to all, and the job is ended.
 */
import { writeSync } from 'node:fs';
import { abortGroup, failureOf, stateWord } from '../arena/failure';
import { type LaneNumber, lanes, word, worldRank } from '../arena/layout';
import type { SharedMemory } from '../arena/memory';
import { describe, lastCallText, latestRecord } from '../arena/records';
import type { Mpi } from './library';
import { completeMail, linkWord, openTable, takeMail } from './mailbox';
import { type Note, Notes } from './notes';
import { type Work, workFor } from './work';

/** Begins the line that tells of a failure, on standard error. */
export const failurePrefix = 'tfkit-ddp: ';

/** How long other processes may take to answer who is late, in ms. */
const answerMilliseconds = 2000;
/** How long ranks may take to end by themselves after a failure, in ms; then the job is aborted. */
const graceMilliseconds = 3000;
/** Rounds without a request that is done before the thread sleeps between looks, to leave the core to the ranks. */
const spins = 2000;
const napMilliseconds = 0.05;
const idleMilliseconds = 100;

export interface Place {
  readonly process: number;
  readonly processes: number;
  /** The names of the hosts of all processes. */
  readonly hosts: readonly string[];
}

interface Task {
  readonly work: Work;
  readonly timeout: number;
  readonly start: number;
}

interface Question {
  readonly lane: LaneNumber;
  readonly task: Task;
  readonly deadline: number;
  /** By process, undefined until it answers. */
  readonly answers: (readonly { readonly rank: number; readonly text: string }[] | undefined)[];
}

export class LinkServer {
  private readonly tasks: (Task | undefined)[] = [undefined, undefined];
  private readonly table;
  private readonly notes: Notes;
  private readonly contexts;
  private question: Question | undefined;
  /** The numbers of the last collectives of processes that have ended. */
  private readonly left: (readonly number[] | undefined)[];
  private failedAt = 0;
  private heardOfFailure = false;

  constructor(
    private readonly memory: SharedMemory,
    private readonly mpi: Mpi,
    private readonly place: Place,
  ) {
    const { process, processes } = place;
    this.table = openTable(memory);
    this.left = Array(processes).fill(undefined);
    this.contexts = [lanes.main, lanes.comm].map((lane) => ({
      memory,
      mpi,
      comm: mpi.duplicate(),
      process,
      processes,
      table: this.table,
      lane,
      mismatch: (rank: number, text: string) => abortGroup(memory, rank, 'mismatch', text),
    }));
    this.notes = new Notes(mpi, mpi.duplicate(), process, processes);
  }

  /** The thread's whole life. */
  serve(): void {
    const { words } = this.memory;
    for (let idle = 0; ; idle++) {
      const bell = Atomics.load(words, linkWord.bell);
      if (this.advance()) idle = 0;
      this.readNotes();
      this.watch();
      if (Atomics.load(words, word.abort) !== 0) this.endJob();
      else if (this.maySayGoodbye()) return;
      const isBusy = this.tasks.some(Boolean);
      if (isBusy && idle < spins) continue;
      this.memory.wait(linkWord.bell, bell, isBusy ? napMilliseconds : idleMilliseconds);
    }
  }

  /** Moves each lane's request on; true if one is done. */
  private advance(): boolean {
    if (Atomics.load(this.memory.words, word.abort) !== 0) return false;
    let someDone = false;
    for (const context of this.contexts) {
      const { lane } = context;
      this.tasks[lane] ??= this.begin(lane);
      if (!this.tasks[lane]?.work.next().done) continue;
      this.tasks[lane] = undefined;
      // A comparison that failed is answered by the failure.
      if (Atomics.load(this.memory.words, word.abort) === 0) completeMail(this.memory, lane);
      someDone = true;
    }
    return someDone;
  }

  private begin(lane: LaneNumber): Task | undefined {
    const request = takeMail(this.memory, lane);
    if (!request) return undefined;
    const work = workFor(this.contexts[lane]!, request);
    return { work, timeout: request.timeout, start: performance.now() };
  }

  private readNotes(): void {
    while (!this.othersHaveLeft()) {
      const found = this.notes.poll();
      if (!found) return;
      this.readNote(found.from, found.note);
    }
  }

  private othersHaveLeft(): boolean {
    return this.left.every((numbers, index) => numbers !== undefined || index === this.place.process);
  }

  private readNote(from: number, note: Note): void {
    if (note.kind === 'failed') {
      this.heardOfFailure = true;
      abortGroup(this.memory, note.rank, note.reason, note.text);
    } else if (note.kind === 'left') this.left[from] = note.numbers;
    else if (note.kind === 'late') {
      if (this.question) this.question.answers[from] = note.ranks;
    } else this.notes.send({ kind: 'late', ranks: this.lateRanks(note.lane, note.number) }, from);
  }

  /** Notices requests that take too long, and processes that have left. */
  private watch(): void {
    const now = performance.now();
    for (const lane of [lanes.main, lanes.comm]) {
      const task = this.tasks[lane];
      if (!task) continue;
      this.checkLeft(lane);
      if (this.question || now - task.start < task.timeout) continue;
      const number = latestRecord(this.memory, 0, lane)!.number;
      const answers = this.place.hosts.map((_, index) =>
        index === this.place.process ? this.lateRanks(lane, number) : undefined,
      );
      this.question = { lane, task, deadline: now + answerMilliseconds, answers };
      this.notes.sendAll({ kind: 'who is late', lane, number });
    }
    const { question } = this;
    if (!question) return;
    if (now > question.deadline || question.answers.every(Boolean)) this.timedOut(question);
  }

  private checkLeft(lane: LaneNumber): void {
    const { number } = latestRecord(this.memory, 0, lane)!;
    const gone = this.left.findIndex((numbers) => numbers !== undefined && numbers[lane]! < number);
    if (gone < 0) return;
    const rank = this.table.firstRanks[gone]!;
    abortGroup(this.memory, rank, 'left', `rank ${rank} has left the group.`);
  }

  private timedOut({ lane, task, answers }: Question): void {
    this.question = undefined;
    if (this.tasks[lane] !== task) return;
    const late = answers.flatMap((ranks, index) => ranks ?? [this.unreachable(index)]);
    const first = this.table.firstRanks[this.place.process]!;
    const who = late.map(({ text }) => text).join('; ') || 'the link between the hosts is slow or broken';
    abortGroup(
      this.memory,
      late[0]?.rank ?? first,
      'timeout',
      `timed out after ${task.timeout / 1000} s in ${describe(latestRecord(this.memory, 0, lane))} of rank ${first}: ${who}. ` +
        'It hangs or is slow; a larger time-out is set by {timeout} or --timeout.',
    );
  }

  private unreachable(index: number): { rank: number; text: string } {
    const [rank, end] = [this.table.firstRanks[index]!, this.table.firstRanks[index + 1]!];
    const names = end - rank === 1 ? `rank ${rank}` : `ranks ${rank} to ${end - 1}`;
    return { rank, text: `${names} on the host ${this.place.hosts[index]} cannot be reached` };
  }

  /** The ranks of this process that have not reached a collective. */
  private lateRanks(lane: LaneNumber, number: number): { rank: number; text: string }[] {
    const { memory } = this;
    const size = Atomics.load(memory.words, word.size);
    return Array.from({ length: size }, (_, rank) => rank)
      .filter((rank) => (latestRecord(memory, rank, lane)?.number ?? 0) < number)
      .map((rank) => {
        const name = worldRank(memory.words, rank);
        const left = Atomics.load(memory.words, stateWord(rank)) === 2;
        return {
          rank: name,
          text: `rank ${name} ${left ? 'has left the group' : 'did not reach it'}${lastCallText(memory, rank)}`,
        };
      });
  }

  /** Tells the others of the failure, lets ranks end by themselves, then aborts the job. */
  private endJob(): void {
    const { memory, notes } = this;
    if (this.failedAt === 0) {
      this.failedAt = performance.now();
      const failure = failureOf(memory)!;
      if (!this.heardOfFailure) {
        notes.sendAll({ kind: 'failed', ...failure });
        // By itself: the rank may hang. The launcher looks for it.
        writeSync(2, `${failurePrefix}${failure.text}\n`);
      }
    }
    const elapsed = performance.now() - this.failedAt;
    // A process that cannot be reached never takes its note.
    if (notes.allSent || elapsed > answerMilliseconds) {
      Atomics.store(memory.words, linkWord.told, 1);
      memory.notify(linkWord.told);
    }
    if (elapsed > graceMilliseconds) this.mpi.abort(1);
    memory.wait(linkWord.bell, Atomics.load(memory.words, linkWord.bell), 1);
  }

  /** After the shutdown: once all processes have said so, nobody waits for this one. */
  private maySayGoodbye(): boolean {
    const { memory, mpi, place } = this;
    if (Atomics.load(memory.words, linkWord.shutdown) === 0) return false;
    if (!this.left[place.process]) {
      const numbers = [lanes.main, lanes.comm].map((lane) => latestRecord(memory, 0, lane)?.number ?? 0);
      this.left[place.process] = numbers;
      this.notes.sendAll({ kind: 'left', numbers });
    }
    if (!this.othersHaveLeft() || !this.notes.allSent) return false;
    mpi.finalize();
    Atomics.store(memory.words, linkWord.state, 2);
    memory.notify(linkWord.state);
    return true;
  }
}
