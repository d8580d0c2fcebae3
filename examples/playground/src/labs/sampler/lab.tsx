import { contour, dot, line, lineY, pointerX, ruleY, tip } from '@observablehq/plot';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { series } from '../../colors';
import { readFields } from '../../fields';
import { Controls } from '../../ui/controls';
import { Figure } from '../../ui/figure';
import { FileDrop } from '../../ui/fileDrop';
import { LabFrame, type LabProps } from '../../ui/lab';
import { type Palette, usePalette } from '../../ui/palette';
import { RunBar } from '../../ui/runBar';
import { Scores } from '../../ui/scores';
import { useAutoRun, useTask } from '../../ui/useTask';
import { fields } from './choices';
import { samplerCode } from './code';
import { density } from './density';
import type { runSampler, SamplerInput, SamplerResult } from './task';

export function SamplerLab({ params, backend, set }: LabProps) {
  const values = readFields(fields, params);
  const { config } = params;
  const input: SamplerInput = { ...values, config };
  const task = useTask<typeof runSampler>('sampler', backend);
  const run = () => task.run(input);
  useAutoRun(run, [JSON.stringify(input), backend]);
  const { result } = task;
  const states = task.phase === 'running' ? task.preview?.states : result?.states;
  return (
    <LabFrame
      title="Sampler lab"
      about="A diffusion sampler carries noise to data along an ordinary or stochastic differential equation. Here the data is a mixture of three Gaussians whose perfect denoiser is known, so what you see is the sampler's error alone."
      paper={{ citation: 'Karras et al., 2022', url: 'https://arxiv.org/abs/2206.00364' }}
      code={samplerCode(input, task.backend ?? backend ?? 'wasm')}
      controls={
        <>
          {config === undefined ? (
            <Controls fields={fields} values={values} set={set} />
          ) : (
            <>
              <p class="notice">
                From your file: <strong>{className(config)}</strong>{' '}
                <button type="button" onClick={() => set({ config: undefined })}>
                  Choose by hand again
                </button>
              </p>
              <Controls fields={fields} values={values} set={set} only={['steps', 'points', 'seed']} />
            </>
          )}
          <FileDrop
            label="Your scheduler_config.json"
            hint="Of diffusers. Its schedule, grid and solver run here; prediction type and clipping, which concern the network and pixels, do not."
            accept=".json,application/json"
            onFiles={async ([file]) => {
              const parsed: unknown = JSON.parse(await file!.text());
              set({ config: JSON.stringify(parsed) });
            }}
          />
          <RunBar task={task} label="Run again" onRun={run} />
        </>
      }
    >
      <Trajectories states={states} live={task.phase === 'running'} />
      {result && <Outcome result={result} />}
    </LabFrame>
  );
}

function className(config: string): string {
  try {
    return String(JSON.parse(config)._class_name ?? 'a configuration without _class_name');
  } catch {
    return 'a file that is no JSON';
  }
}

/** Steps appear one after the other, all at once where motion is unwelcome; the slider goes back and forth. */
function Trajectories({ states, live }: { states: readonly Float32Array[] | undefined; live: boolean }) {
  const last = (states?.length ?? 1) - 1;
  const palette = usePalette();
  const [shown, setShown] = useState(0);
  useEffect(() => {
    if (live || last < 1) return;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      setShown(last);
      return;
    }
    let step = 0;
    const timer = setInterval(
      () => {
        setShown(++step);
        if (step >= last) clearInterval(timer);
      },
      Math.min(150, 1200 / last),
    );
    return () => clearInterval(timer);
  }, [states, live, last]);
  const visible = Math.min(live ? last : shown, last);
  const plotted = useMemo(
    () => states && trajectoryPlot(states, visible, palette),
    [states, visible, palette],
  );
  return (
    <div>
      <Figure
        title="From noise to data, every state divided by its marginal scale"
        description={`Paths of ${states ? states[0]!.length / 2 : 0} points, ${visible} of ${last} steps, over the contours of the mixture.`}
        options={plotted}
        aspect={0.8}
      />
      <label class="inline">
        Shown step
        <input
          type="range"
          min={0}
          max={Math.max(last, 1)}
          value={visible}
          disabled={live}
          onInput={(event) => setShown(Number(event.currentTarget.value))}
        />
        <output>{visible}</output>
      </label>
    </div>
  );
}

function trajectoryPlot(states: readonly Float32Array[], visible: number, palette: Palette) {
  const points = states[0]!.length / 2;
  const path = states
    .slice(0, visible + 1)
    .flatMap((state, step) =>
      Array.from({ length: points }, (_, n) => ({ n, step, x: state[2 * n]!, y: state[2 * n + 1]! })),
    );
  return {
    aspectRatio: null,
    x: { domain: [-3.2, 3.2], label: null, ticks: 5 },
    y: { domain: [-2.56, 2.56], label: null, ticks: 5 },
    color: { type: 'sqrt' as const, domain: [0, 1.3], range: [palette.card, palette.density] },
    marks: [
      contour({
        fill: density,
        x1: -3.2,
        y1: -2.56,
        x2: 3.2,
        y2: 2.56,
        thresholds: [0.01, 0.05, 0.15, 0.35, 0.7, 1.1],
        pixelSize: 4,
      }),
      line(path, {
        x: 'x',
        y: 'y',
        z: 'n',
        stroke: series[0]!,
        strokeOpacity: 0.35,
        strokeWidth: 1,
        clip: true,
      }),
      dot(
        path.filter(({ step }) => step === visible),
        { x: 'x', y: 'y', r: 2.2, fill: series[1]!, clip: true },
      ),
    ],
  };
}

function Outcome({ result }: { result: SamplerResult }) {
  const { errors, ratios, modelCalls, distance, exactDistance, names } = result;
  const plotted = useMemo(() => errors && errorPlot(errors), [errors]);
  const final = errors?.at(-1);
  return (
    <>
      <Scores
        cards={[
          {
            label: 'Error against the exact solution',
            value: final === undefined ? 'none' : final.toExponential(2),
            note:
              final === undefined
                ? 'this solver adds noise, and has no path to follow'
                : 'RMS of the end points',
          },
          {
            label: 'Distance from the mixture',
            value: distance.toFixed(4),
            note: `energy distance; the exact solution of these starts has ${exactDistance.toFixed(4)}`,
          },
          {
            label: 'Model calls',
            value: String(modelCalls),
            note: `${names.solver} on ${names.schedule}, ${names.grid}; sigma/alpha from ${ratios[0]!.toPrecision(3)}`,
          },
        ]}
      />
      {plotted && (
        <Figure
          title="RMS distance from the exact solution after each step"
          description={`The error grows and shrinks over ${errors!.length - 1} steps; after the last it is ${final!.toExponential(2)}.`}
          options={plotted}
          aspect={0.4}
        />
      )}
    </>
  );
}

function errorPlot(errors: readonly number[]) {
  const rows = errors.slice(1).map((error, i) => ({ step: i + 1, error: Math.max(error, 1e-9) }));
  return {
    x: { label: 'step', ticks: Math.min(rows.length, 10), tickFormat: 'd' },
    y: { type: 'log' as const, label: 'RMS error', grid: true, tickFormat: '.0e', ticks: 4 },
    marginLeft: 50,
    marks: [
      ruleY([Math.min(...rows.map(({ error }) => error))], { strokeOpacity: 0 }),
      lineY(rows, { x: 'step', y: 'error', stroke: series[0]!, strokeWidth: 2, marker: true }),
      tip(rows, pointerX({ x: 'step', y: 'error' })),
    ],
  };
}
