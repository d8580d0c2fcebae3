import { raster, rectY, ruleY } from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { series } from '../../colors';
import { addressValue, readFields } from '../../fields';
import { Controls } from '../../ui/controls';
import { Figure } from '../../ui/figure';
import { FileDrop } from '../../ui/fileDrop';
import { LabFrame, type LabProps } from '../../ui/lab';
import { RunBar } from '../../ui/runBar';
import { Scores } from '../../ui/scores';
import { Table } from '../../ui/table';
import { useAutoRun, useTask } from '../../ui/useTask';
import { dilatedCode } from './code';
import { examples, fields, parseRates } from './fields';
import type { runLayers } from './layersTask';
import type { DilatedResult, runDilated } from './task';

export function DilatedLab({ params, backend, set }: LabProps) {
  const values = readFields(fields, params);
  const input = { rates: parseRates(values.rates), kernelSize: values.kernelSize };
  const task = useTask<typeof runDilated>('dilated', backend);
  const run = () => task.run(input);
  useAutoRun(run, [values.rates, values.kernelSize, backend]);
  const setRates = (rates: string) => set({ rates: addressValue(fields.rates, rates) });
  return (
    <LabFrame
      title="Dilated convolution lab"
      about="Dilated layers see far with few weights, but may leave holes between the pixels they read. The published HDC rule looks at distances; exact coverage counts."
      paper={{ citation: 'Wang et al., 2018', url: 'https://arxiv.org/abs/1702.08502' }}
      code={dilatedCode(input, task.backend ?? backend ?? 'wasm')}
      controls={
        <>
          <Controls fields={fields} values={values} set={set} />
          <fieldset class="buttons">
            <legend class="soft">Try</legend>
            {Object.entries(examples).map(([label, rates]) => (
              <button key={label} type="button" onClick={() => setRates(rates)}>
                {label}
              </button>
            ))}
          </fieldset>
          <RunBar task={task} label="Count again" onRun={run} />
        </>
      }
    >
      {task.result && <Verdict result={task.result} onRates={setRates} />}
      <ModelAnalysis params={params} backend={backend} set={set} />
    </LabFrame>
  );
}

function Verdict({ result, onRates }: { result: DilatedResult; onRates(rates: string): void }) {
  const { receptiveField: size, coverage, coversExactly, hdc, line, map, measuredError, suggestion } = result;
  const plane = useMemo(() => planePlot(map, size), [map, size]);
  const axis = useMemo(() => axisPlot(line), [line]);
  const better = suggestion.rates.join(',');
  return (
    <>
      <Scores
        cards={[
          {
            label: 'Receptive field',
            value: `${size} × ${size}`,
            note: 'input pixels that one output may read',
          },
          {
            label: 'HDC rule',
            value: hdc.passes ? 'passes' : 'fails',
            note: `largest distances ${hdc.maxDistances.join(', ')}; common divisor ${hdc.gcd}`,
          },
          {
            label: 'Exact coverage',
            value: coversExactly ? 'complete' : 'has holes',
            note: coversExactly
              ? 'every pixel is read'
              : `${(100 * coverage.fraction2d).toFixed(1)} % of the pixels are read; widest gap ${coverage.largestGap}`,
          },
          {
            label: 'Measured on the backend',
            value:
              measuredError === undefined
                ? 'not here'
                : measuredError < 1e-5
                  ? 'agrees'
                  : measuredError.toExponential(1),
            note:
              measuredError === undefined
                ? 'too wide for a quick look'
                : 'gradient of dilatedConv2d against the count',
          },
        ]}
      />
      {!coversExactly && (
        <p>
          Without holes, and as far: rates {better}{' '}
          <button type="button" onClick={() => onRates(better)}>
            Take them
          </button>
        </p>
      )}
      <div class="pair">
        <Figure
          title="Paths from each pixel to one output: brighter are more, none is empty"
          description={`Hits map of ${size} by ${size} pixels, ${(100 * coverage.fraction2d).toFixed(1)} percent of which are read.`}
          options={plane}
          aspect={1}
        />
        <Figure
          title="Along one axis"
          description={`${coverage.covered} of ${size} positions are read; holes at ${coverage.holes.join(', ') || 'none'}.`}
          options={axis}
          aspect={1}
        />
      </div>
    </>
  );
}

function planePlot(map: Float64Array, size: number) {
  const half = size / 2;
  return {
    margin: 26,
    aspectRatio: null,
    x: { label: null, ticks: 5 },
    y: { label: null, ticks: 5 },
    color: { type: 'log' as const, scheme: 'viridis' as const },
    marks: [
      raster(
        Array.from(map, (count) => (count > 0 ? count : NaN)),
        {
          width: size,
          height: size,
          x1: -half,
          y1: -half,
          x2: half,
          y2: half,
          imageRendering: 'pixelated',
        },
      ),
    ],
  };
}

function axisPlot(line: Float64Array) {
  const half = line.length / 2;
  const bars = Array.from(line, (paths, i) => ({ x1: i - half, x2: i + 1 - half, paths }));
  return {
    x: { label: 'offset from the centre' },
    y: { label: 'paths', grid: true, ticks: Math.min(5, Math.max(...line)), tickFormat: '~s' },
    marks: [
      rectY(bars, { x1: 'x1', x2: 'x2', y: 'paths', fill: series[0]!, insetLeft: 0.5, insetRight: 0.5 }),
      rectY(
        bars.filter(({ paths }) => paths === 0),
        {
          x1: 'x1',
          x2: 'x2',
          y: () => Math.max(...line),
          fill: series[1]!,
          fillOpacity: 0.25,
        },
      ),
      ruleY([0]),
    ],
  };
}

/** A tf.layers model, layer by layer. The file stays in memory: it is too long for an address. */
function ModelAnalysis({ params, backend, set }: LabProps) {
  const [own, setOwn] = useState<string>();
  const shown = own !== undefined || params.model === 'example';
  const task = useTask<typeof runLayers>('layers', backend);
  useAutoRun(() => {
    if (shown) task.run({ json: own });
  }, [own, shown, backend]);
  return (
    <section class="panel" aria-labelledby="model-title">
      <h3 id="model-title">The receptive field of a whole model</h3>
      <FileDrop
        label="Your model.json"
        hint="Of a tf.layers model (Keras 2 form); its weights are not needed."
        accept=".json,application/json"
        onFiles={async ([file]) => setOwn(await file!.text())}
      />
      <div class="buttons">
        <button
          type="button"
          onClick={() => {
            setOwn(undefined);
            set({ model: 'example' });
          }}
        >
          Analyse the example model
        </button>
      </div>
      {shown && (
        <>
          <p role="status">
            {task.phase === 'done' ? `${task.result?.length} layers analysed.` : 'Analysing…'}
          </p>
          {task.error && (
            <p role="alert" class="error">
              {task.error}
            </p>
          )}
          {task.result && task.phase === 'done' && (
            <Table
              caption="Along the first spatial axis, in pixels of the model's input"
              columns={['layer', 'class', 'receptive field', 'stride', 'coverage', 'remark']}
              rows={task.result.map((row) => [
                row.name,
                row.className,
                row.receptiveField,
                row.stride,
                row.coverage,
                row.remark,
              ])}
              digits={3}
              words
            />
          )}
        </>
      )}
    </section>
  );
}
