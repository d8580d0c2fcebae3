import { useEffect, useRef, useState } from 'preact/hooks';
import { labs } from './labs';
import { BackendPicker } from './ui/backendPicker';
import { addressOf, type Params, useAddress } from './url';
import { probe } from './worker/client';
import { type Backend, type BackendState, backendNames } from './worker/protocol';

export function App() {
  const { params, set, visit } = useAddress();
  const [backends, setBackends] = useState<readonly BackendState[]>();
  const [failure, setFailure] = useState('');
  useEffect(() => {
    probe().then(setBackends, (error: Error) => setFailure(error.message));
  }, []);
  const lab = labs.find(({ name }) => name === params.lab) ?? labs[0]!;
  const backend = backendNames.find((name) => name === params.backend);

  useEffect(() => {
    document.title = `${lab.title} · tfkit playground`;
  }, [lab]);
  const main = useRef<HTMLElement>(null);
  const go = (event: MouseEvent, next: Params) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    visit(next);
    // After the new lab is there: a screen reader goes on at its title.
    requestAnimationFrame(() => main.current?.querySelector('h2')?.focus());
  };

  return (
    <>
      <a class="skip" href="#main">
        Skip to the lab
      </a>
      <header class="page">
        <h1>
          tfkit <span>playground</span>
        </h1>
        <p class="soft">
          Packages for TensorFlow.js at work in this page. Nothing is sent anywhere; the address holds what
          you choose.
        </p>
        <nav aria-label="Labs">
          {labs.map(({ name, title }) => {
            const next = { lab: name, ...(params.backend && { backend: params.backend }) };
            return (
              <a
                key={name}
                href={addressOf(next)}
                aria-current={name === lab.name ? 'page' : undefined}
                onClick={(event) => go(event, next)}
              >
                {title}
              </a>
            );
          })}
        </nav>
        <BackendPicker
          states={backends}
          chosen={backend}
          onChoose={(name?: Backend) => set({ backend: name })}
        />
        {failure && (
          <p role="alert" class="error">
            {failure}
          </p>
        )}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <lab.Lab key={lab.name} params={params} backend={backend} set={set} />
      </main>
    </>
  );
}
