/** Headline numbers. */
export interface ScoreCard {
  readonly label: string;
  readonly value: string;
  readonly note?: string;
}

export function Scores({ cards }: { readonly cards: readonly ScoreCard[] }) {
  return (
    <dl class="scores">
      {cards.map(({ label, value, note }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd class="value">{value}</dd>
          {note && <dd class="soft">{note}</dd>}
        </div>
      ))}
    </dl>
  );
}
