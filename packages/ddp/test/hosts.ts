/** Two hosts on one machine: network namespaces on a bridge, each with its own name, and an agent that takes ssh's part. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Why there can be no such hosts here; undefined where they can. */
export function refusal(): string | undefined {
  const name = `tfkit-probe-${process.pid}`;
  const { status, error, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (status !== 0) return `ip netns add is refused: ${error?.message ?? stderr.trim()}`;
  ip('netns', 'delete', name);
  for (const tool of ['tc', 'unshare']) {
    if (spawnSync('which', [tool]).status !== 0) return `${tool} is absent`;
  }
  return undefined;
}

export class TwoHosts {
  readonly addresses: readonly [string, string];
  /** The agent that runs a command on a host: `agent HOST COMMAND...`, as ssh does. */
  readonly agent: string;
  readonly net: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'tfkit-hosts-'));
  private readonly bridge: string;
  readonly names: readonly [string, string];

  constructor() {
    const id = process.pid % 1000;
    this.bridge = `tfbr${id}`;
    this.names = [`tfh${id}a`, `tfh${id}b`];
    const subnet = `10.${200 + (id % 50)}.${id % 250}`;
    this.addresses = [`${subnet}.1`, `${subnet}.2`];
    this.net = `${subnet}.0/24`;
    ip('link', 'add', this.bridge, 'type', 'bridge');
    ip('addr', 'add', `${subnet}.254/24`, 'dev', this.bridge);
    ip('link', 'set', this.bridge, 'up');
    for (const [index, name] of this.names.entries()) {
      ip('netns', 'add', name);
      ip('link', 'add', this.port(index), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      ip('link', 'set', this.port(index), 'master', this.bridge, 'up');
      ip('-n', name, 'addr', 'add', `${this.addresses[index]}/24`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    this.agent = join(this.folder, 'agent.sh');
    const cases = this.names.map((name, index) => `  ${this.addresses[index]}) name=${name} ;;`).join('\n');
    const script = [
      '#!/bin/sh',
      'host=$1; shift',
      `case $host in\n${cases}\nesac`,
      'exec ip netns exec $name unshare --uts sh -c "hostname $name; $*"',
    ].join('\n');
    writeFileSync(this.agent, `${script}\n`, { mode: 0o755 });
  }

  /** The bridge's end of a host's cable. */
  private port(index: number): string {
    return `${this.bridge}p${index}`;
  }

  /** Pulls the plug of a host. */
  cutOff(index: number): void {
    ip('link', 'set', this.port(index), 'down');
  }

  plugIn(index: number): void {
    ip('link', 'set', this.port(index), 'up');
  }

  /** Limits both cables to `megabits` a second; undefined takes the limit away. */
  limit(megabits: number | undefined): void {
    const tc = (namespace: string[], ...args: string[]) =>
      execFileSync('tc', [...namespace, 'qdisc', ...args]);
    for (const name of this.names) {
      const inside = ['-n', name];
      if (megabits === undefined) tc(inside, 'delete', 'dev', 'eth0', 'root');
      else
        tc(
          inside,
          'add',
          'dev',
          'eth0',
          'root',
          'tbf',
          'rate',
          `${megabits}mbit`,
          'burst',
          '256kb',
          'latency',
          '50ms',
        );
    }
  }

  /** What `--mpirun` names: Open MPI over the agent and these addresses alone. */
  get mpirun(): string {
    const { agent, net } = this;
    const options = {
      plm_rsh_agent: agent,
      oob_tcp_if_include: net,
      btl_tcp_if_include: net,
      btl: 'self,vader,tcp',
    };
    return ['mpirun', ...Object.entries(options).flatMap(([name, value]) => ['--mca', name, value])].join(
      ' ',
    );
  }

  close(): void {
    for (const name of this.names) ip('netns', 'delete', name);
    ip('link', 'delete', this.bridge);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
