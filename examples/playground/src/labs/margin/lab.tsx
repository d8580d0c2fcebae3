import { dot, lineY, link, ruleY } from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { classColors, series } from '../../colors';
import { readFields } from '../../fields';
import { Controls } from '../../ui/controls';
import { Figure } from '../../ui/figure';
import { FileDrop } from '../../ui/fileDrop';
import { LabFrame, type LabProps } from '../../ui/lab';
import { RunBar } from '../../ui/runBar';
import { Scores } from '../../ui/scores';
import { useTask } from '../../ui/useTask';
import { marginCode } from './code';
import type { EmbeddingFile } from './data';
import { fields, methods } from './methods';
import type { Fan, MarginResult, runMargin } from './task';

export function MarginLab({ params, backend, set }: LabProps) {
  const values = readFields(fields, params);
  const [own, setOwn] = useState<readonly EmbeddingFile[]>();
  const task = useTask<typeof runMargin>('margin', backend);
  const fan = task.phase === 'done' ? task.result : (task.preview ?? task.result);
  const settings = [
    'method',
    ...methods[values.method]!.uses,
    ...(own ? [] : ['classes']),
    'steps',
    'seed',
  ] as (keyof typeof fields)[];
  return (
    <LabFrame
      title="Margin softmax lab"
      about="A margin asks of every sample to be nearer to its class centre than to all others by an angle to spare. In the plane you see what that does: classes gather into a fan of narrow rays."
      paper={{ citation: 'Deng et al., ArcFace, 2019', url: 'https://arxiv.org/abs/1801.07698' }}
      code={marginCode(values, task.backend ?? backend ?? 'wasm')}
      controls={
        <>
          <Controls fields={fields} values={values} only={settings} set={set} />
          <p class="soft">
            {values.method === 'arcFace' && 'The margin is an angle in radians. '}
            Even rays of {values.classes} classes are {(360 / values.classes).toFixed(0)}° apart, and a margin
            of more than half of it cannot be met.
          </p>
          <FileDrop
            label="Your embeddings"
            hint="A CSV whose last column is the label, or two npy files: numbers [count, dimension] and labels [count]. They are projected to the plane."
            accept=".csv,.txt,.npy"
            multiple
            onFiles={async (files) =>
              setOwn(
                await Promise.all(
                  files.map(async (file) => ({
                    name: file.name,
                    bytes: new Uint8Array(await file.arrayBuffer()),
                  })),
                ),
              )
            }
          />
          {own && (
            <button type="button" onClick={() => setOwn(undefined)}>
              Back to the digits
            </button>
          )}
          <RunBar task={task} label="Train" onRun={() => task.run({ ...values, own })} />
        </>
      }
    >
      <FanFigures fan={fan} steps={values.steps} />
      {task.result && <Outcome result={task.result} />}
      <p class="soft">
        Digits: the first 140 of each class of MNIST’s training set at half size (LeCun, Cortes, Burges; CC
        BY-SA 3.0), 100 to train on and 40 to look at.
      </p>
    </LabFrame>
  );
}

function FanFigures({ fan, steps }: { fan: Fan | undefined; steps: number }) {
  const plane = useMemo(() => fan && fanPlot(fan), [fan]);
  const losses = useMemo(() => fan && lossPlot(fan.losses, steps), [fan, steps]);
  const last = fan?.losses.at(-1);
  return (
    <>
      <Figure
        title="Rows not trained on, in the plane; class centres as rays"
        description={
          fan
            ? `${fan.labels.length} points of ${fan.classNames.length} classes around their rays.`
            : 'Empty until you train.'
        }
        options={plane}
        aspect={0.75}
      >
        {fan && fan.classNames.length <= classColors.length && (
          <ul class="legend" aria-label="Classes">
            {fan.classNames.map((name, n) => (
              <li key={name} style={{ '--color': classColors[n] }}>
                {name}
              </li>
            ))}
          </ul>
        )}
      </Figure>
      <Figure
        title="Loss of each batch"
        description={last === undefined ? 'Empty until you train.' : `The loss is now ${last.toFixed(3)}.`}
        options={losses}
        aspect={0.3}
      />
    </>
  );
}

const colorOf = (label: number) => classColors[label % classColors.length]!;

function fanPlot({ points, labels, centers }: Fan) {
  const dots = Array.from(labels, (label, n) => ({ x: points[2 * n]!, y: points[2 * n + 1]!, label }));
  const lengths = dots.map(({ x, y }) => Math.hypot(x, y)).sort((a, b) => a - b);
  // Nearly all: a few far ones would make the rest small.
  const reach = 1.08 * (lengths[Math.floor(0.985 * (lengths.length - 1))] || 1);
  const rays = Array.from({ length: centers.length / 2 }, (_, label) => {
    const [x, y] = [centers[2 * label]!, centers[2 * label + 1]!];
    const scale = reach / (Math.hypot(x, y) || 1);
    return { x: x * scale, y: y * scale, label };
  });
  return {
    margin: 12,
    x: { domain: [-reach / 0.75, reach / 0.75], axis: null },
    y: { domain: [-reach, reach], axis: null },
    marks: [
      link(rays, { x1: 0, y1: 0, x2: 'x', y2: 'y', stroke: ({ label }) => colorOf(label), strokeWidth: 1.5 }),
      dot(dots, {
        x: 'x',
        y: 'y',
        r: 2.5,
        fill: ({ label }) => colorOf(label),
        fillOpacity: 0.75,
        clip: true,
      }),
    ],
  };
}

function lossPlot(losses: readonly number[], steps: number) {
  const rows = losses.map((loss, i) => ({ step: i + 1, loss }));
  return {
    x: { label: 'step', domain: [0, steps], ticks: 5 },
    y: { label: 'loss', grid: true, zero: true, ticks: 4 },
    marks: [ruleY([0]), lineY(rows, { x: 'step', y: 'loss', stroke: series[0]!, strokeWidth: 1.5 })],
  };
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function Outcome({ result }: { result: MarginResult }) {
  return (
    <Scores
      cards={[
        { label: 'Accuracy', value: percent(result.accuracy), note: 'nearest centre, rows not trained on' },
        {
          label: 'Width of a class',
          value: `${result.meanAngle.toFixed(1)}°`,
          note: `mean angle to its centre; the closest centres are ${result.centerAngle.toFixed(0)}° apart`,
        },
        {
          label: 'Nearest neighbour right',
          value: percent(result.precisionAt1),
          note: `precision at 1 by the angle in the plane; ${percent(result.rawPrecisionAt1)} by what was embedded`,
        },
      ]}
    />
  );
}
