/** The frame that every lab has: what it is about, its controls, its results, its code. */
import type { ComponentChildren } from 'preact';
import type { Params } from '../url';
import type { Backend } from '../worker/protocol';
import { Code } from './code';

/** What the page gives a lab. */
export interface LabProps {
  readonly params: Params;
  readonly backend: Backend | undefined;
  set(patch: Record<string, string | undefined>): void;
}

interface FrameProps {
  readonly title: string;
  readonly about: string;
  readonly paper: { readonly citation: string; readonly url: string };
  readonly controls: ComponentChildren;
  readonly children: ComponentChildren;
  readonly code: string;
}

export function LabFrame({ title, about, paper, controls, children, code }: FrameProps) {
  return (
    <article class="lab">
      <header>
        <h2 tabIndex={-1}>{title}</h2>
        <p>
          {about}{' '}
          <cite>
            <a href={paper.url} rel="noreferrer">
              {paper.citation}
            </a>
          </cite>
        </p>
      </header>
      <div class="bench">
        <section class="panel" aria-label="Settings">
          {controls}
        </section>
        <section class="results" aria-label="Results">
          {children}
        </section>
      </div>
      <Code code={code} />
    </article>
  );
}
