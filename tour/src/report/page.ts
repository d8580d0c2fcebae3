/** The report: one HTML file that loads nothing. */
import { readFileSync } from 'node:fs';
import type { SelectedBackend } from '@tfkit/core/tfjs';
import type { Stage } from '../stage';
import { type Html, html, prose, trusted } from './html';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly tfjs: string;
}

/** What a stage of this run came to. */
export interface StageOutcome {
  readonly stage: Stage;
  readonly seconds: number;
  /** Its rendered blocks, or why there are none. */
  readonly result: { readonly body: readonly Html[] } | { readonly failure: string };
  /** Results it loaded from an earlier run, in words. */
  readonly loaded: readonly string[];
}

export interface Report {
  readonly date: Date;
  readonly seed: number;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly selected: SelectedBackend;
  readonly outcomes: readonly StageOutcome[];
  /** Stages of this run that have not run yet; not empty only if it was stopped. */
  readonly remaining: readonly Stage[];
}

export function renderPage(report: Report): string {
  const style = readFileSync(new URL('page.css', import.meta.url), 'utf8');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tfkit: the tour</title>
<link rel="icon" href="data:,">
<style>${trusted(style)}</style>
</head>
<body>
${renderHeader(report)}
${renderContents(report.outcomes)}
<main>
${report.outcomes.map((outcome) => renderOutcome(outcome, report.selected.name))}
${report.remaining.length > 0 ? html`<p class="meta">Not run, the tour was stopped before: ${report.remaining.map(({ name }) => name).join(', ')}.</p>` : null}
</main>
</body>
</html>
`.source;
}

function renderHeader({ date, seed, quick, machine, selected, outcomes }: Report): Html {
  const facts: [string, string][] = [
    ['Date', `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
    ['Machine', `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`],
    ['Versions', `Node ${machine.node}, TensorFlow.js ${machine.tfjs}`],
    ['Backend', selected.name],
    ['Seed', String(seed)],
    ['Time', `${outcomes.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(1)} s`],
  ];
  return html`<header>
<h1>tfkit: the tour</h1>
<p class="lead">Small TypeScript packages for TensorFlow.js, each at work on real data.</p>
<dl class="facts">${facts.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
${quick ? html`<p><strong>A quick run:</strong> few steps on little data, so the scores mean little.</p>` : null}
${renderBackends(selected)}
</header>`;
}

function renderContents(outcomes: readonly StageOutcome[]): Html {
  return html`<nav aria-label="Contents"><ol>${outcomes.map(
    ({ stage, seconds, result }) =>
      html`<li><a href="#${stage.name}">${stage.title}</a> <span class="meta">${stage.package}, ${'failure' in result ? 'failed' : `${seconds.toFixed(1)} s`}</span></li>`,
  )}</ol></nav>`;
}

function renderBackends({ name, tried }: SelectedBackend): Html {
  if (tried.length === 0) return html`<p>The backend ${name} had been set by the program.</p>`;
  return html`<details><summary>Why the backend is <strong>${name}</strong></summary>
<div class="scroll"><table><thead><tr><th>tried</th><th>outcome</th><th>to have it</th></tr></thead><tbody>${tried.map(
    (attempt) =>
      html`<tr><td>${attempt.name}</td><td>${attempt.ok ? 'selected: ' : ''}${attempt.reason}</td><td>${attempt.install && html`<code>${attempt.install}</code>`}</td></tr>`,
  )}</tbody></table></div></details>`;
}

function renderOutcome({ stage, seconds, result, loaded }: StageOutcome, backend: string): Html {
  const failed = 'failure' in result;
  const late = seconds > stage.budget ? `, over its budget of ${stage.budget} s` : '';
  return html`<section id="${stage.name}" class="${failed ? 'failed' : 'passed'}">
<h2>${stage.title}</h2>
<p class="meta"><code>${stage.package}</code> · ${seconds.toFixed(1)} s${late} · backend ${backend}${loaded.map((text) => ` · ${text}`)}</p>
<p>${prose(stage.method)} <a href="${stage.paper.url}">${stage.paper.citation}</a></p>
${failed ? html`<p class="reason">This stage failed: ${result.failure}</p>` : result.body}
</section>
`;
}
