import { dot, lineY, raster } from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { series } from '../../colors';
import { readFields } from '../../fields';
import { Controls } from '../../ui/controls';
import { Figure } from '../../ui/figure';
import { LabFrame, type LabProps } from '../../ui/lab';
import { type Palette, usePalette } from '../../ui/palette';
import { RunBar } from '../../ui/runBar';
import { Scores } from '../../ui/scores';
import { useTask } from '../../ui/useTask';
import { flowCode } from './code';
import { Drawing } from './drawing';
import { fields } from './fields';
import { decodePoints, encodePoints, reach, shapePoints } from './points';
import type { FlowResult, FlowView, runFlow } from './task';

export function FlowLab({ params, backend, set }: LabProps) {
  const values = readFields(fields, params);
  const drawn = params.points ?? '';
  const points = useMemo(
    () => (values.shape === 'own' ? decodePoints(drawn) : shapePoints(values.shape)),
    [values.shape, drawn],
  );
  const setPoints = (next: Float32Array) => set({ shape: 'own', points: encodePoints(next) });
  const task = useTask<typeof runFlow>('flow', backend);
  const view = task.phase === 'done' ? task.result : (task.preview ?? task.result);
  const { shape: _, ...settings } = values;
  return (
    <LabFrame
      title="Flow lab"
      about="A normalizing flow is an invertible network that turns your points into plain Gaussian noise. So it knows the exact density of every point, and run backwards it draws new ones."
      paper={{ citation: 'Dinh et al., Real NVP, 2017', url: 'https://arxiv.org/abs/1605.08803' }}
      code={flowCode(settings, task.backend ?? backend ?? 'wasm')}
      controls={
        <>
          <Controls fields={fields} values={values} only={['shape']} set={set} />
          <Drawing points={points} onPoints={setPoints} />
          <div class="buttons">
            <button type="button" onClick={() => setPoints(new Float32Array())}>
              Clear
            </button>
          </div>
          <Controls
            fields={fields}
            values={values}
            only={['couplings', 'width', 'steps', 'temperature', 'seed']}
            set={set}
          />
          <RunBar task={task} label="Train" onRun={() => task.run({ ...settings, points })} />
        </>
      }
    >
      <Views view={view} steps={values.steps} />
      {task.result && <Outcome result={task.result} />}
    </LabFrame>
  );
}

function Views({ view, steps }: { view: FlowView | undefined; steps: number }) {
  const palette = usePalette();
  const density = useMemo(() => view && densityPlot(view, palette), [view, palette]);
  const samples = useMemo(() => view && samplePlot(view), [view]);
  const curve = useMemo(() => view && curvePlot(view, steps), [view, steps]);
  const last = view?.curve.at(-1);
  const empty = 'Empty until you train.';
  return (
    <>
      <div class="pair">
        <Figure
          title="Density of the flow"
          description={
            view ? `Density over the plane, at most ${Math.max(...view.density).toFixed(2)}.` : empty
          }
          options={density}
          aspect={1}
        />
        <Figure
          title="Samples of the flow"
          description={view ? `${view.samples.length / 2} samples.` : empty}
          options={samples}
          aspect={1}
        />
      </div>
      <Figure
        title="Mean log-likelihood of a batch, in nats"
        description={last ? `After ${last.step} steps ${last.logLikelihood.toFixed(3)} nats.` : empty}
        options={curve}
        aspect={0.3}
      />
    </>
  );
}

const plane = {
  margin: 22,
  x: { domain: [-reach, reach], label: null, ticks: 4 },
  y: { domain: [-reach, reach], label: null, ticks: 4 },
};

const densityPlot = ({ density, side }: FlowView, palette: Palette) => ({
  ...plane,
  color: { type: 'sqrt' as const, range: [palette.card, palette.strong], interpolate: 'rgb' as const },
  marks: [
    raster(density as unknown as number[], {
      width: side,
      height: side,
      x1: -reach,
      y1: -reach,
      x2: reach,
      y2: reach,
    }),
  ],
});

const samplePlot = ({ samples }: FlowView) => ({
  ...plane,
  marks: [
    dot(
      Array.from({ length: samples.length / 2 }, (_, n) => ({ x: samples[2 * n]!, y: samples[2 * n + 1]! })),
      { x: 'x', y: 'y', r: 2, fill: series[1]!, fillOpacity: 0.7, clip: true },
    ),
  ],
});

const curvePlot = ({ curve }: FlowView, steps: number) => ({
  x: { domain: [0, steps], label: 'step', ticks: 5 },
  y: { label: 'nats', grid: true, ticks: 4 },
  marks: [lineY(curve, { x: 'step', y: 'logLikelihood', stroke: series[0]!, strokeWidth: 1.5 })],
});

function Outcome({ result }: { result: FlowResult }) {
  const last = result.curve.at(-1);
  return (
    <Scores
      cards={[
        {
          label: 'Log-likelihood',
          value: last ? `${last.logLikelihood.toFixed(3)} nats` : 'none',
          note: `of the last batch; ${result.parameterCount.toLocaleString('en')} parameters`,
        },
        {
          label: 'Probability in the picture',
          value: result.mass.toFixed(3),
          note: 'the density summed over the cells: nearly 1, as it should',
        },
        {
          label: 'Inversion',
          value: result.inversionError.toExponential(1),
          note: 'largest |inverse(forward(x)) − x| over your points',
        },
      ]}
    />
  );
}
