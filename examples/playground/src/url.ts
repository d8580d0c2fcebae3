/** The page's state lives in its address, so that a link shows what its sender saw. */
import { useEffect, useState } from 'preact/hooks';

export type Params = Readonly<Record<string, string>>;

const readAddress = (): Params => Object.fromEntries(new URLSearchParams(location.search));

export function addressOf(params: Params): string {
  const text = new URLSearchParams(params).toString();
  return text ? `?${text}` : location.pathname;
}

/** The parameters, a function that changes some (undefined removes one), and one that goes to a new page of history. */
export function useAddress(): {
  params: Params;
  set(patch: Readonly<Record<string, string | undefined>>): void;
  visit(params: Params): void;
} {
  const [params, setParams] = useState(readAddress);
  useEffect(() => {
    const onPop = () => setParams(readAddress());
    addEventListener('popstate', onPop);
    return () => removeEventListener('popstate', onPop);
  }, []);
  return {
    params,
    set(patch) {
      const next = { ...readAddress(), ...patch };
      const kept = Object.fromEntries(
        Object.entries(next).filter(([, value]) => value !== undefined),
      ) as Params;
      history.replaceState(null, '', addressOf(kept));
      setParams(kept);
    },
    visit(next) {
      history.pushState(null, '', addressOf(next));
      setParams(next);
    },
  };
}
