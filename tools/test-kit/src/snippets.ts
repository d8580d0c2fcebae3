/**
 * Code blocks of markdown pages, as programs. A block of `js` or `ts` is one that must run; `<!-- not run: reason -->` on the
 * line before it leaves it out. Other languages are text.
 */
export interface Snippet {
  readonly language: 'js' | 'ts';
  readonly code: string;
  /** The line of the opening fence, from 1. */
  readonly line: number;
  /** Why it is not run. */
  readonly reason: string | undefined;
}

const fence = /^(?:<!-- not run: (.+?) -->\n+)?```(js|ts)\n([\s\S]*?)^```$/gm;

export function extractSnippets(markdown: string): Snippet[] {
  return [...markdown.matchAll(fence)].map((match) => {
    const [block, reason, language, code] = match;
    const start = match.index + block.indexOf('```');
    const line = markdown.slice(0, start).split('\n').length;
    return { language: language as Snippet['language'], code: code!, line, reason };
  });
}
