/** The code of what the lab does, with the settings that are chosen. */
import { useState } from 'preact/hooks';

export function Code({ code }: { readonly code: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      setSaid('Copied.');
    } catch {
      setSaid('The browser did not allow it: select the text instead.');
    }
    setTimeout(() => setSaid(''), 4000);
  };
  return (
    <section class="code" aria-labelledby="code-title">
      <div class="code-head">
        <h3 id="code-title">The code</h3>
        <span role="status" class="soft">
          {said}
        </span>
        <button type="button" onClick={copy}>
          Copy
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </section>
  );
}
