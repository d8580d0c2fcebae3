import { useState } from 'preact/hooks';
import { readFields } from '../../fields';
import { Controls } from '../../ui/controls';
import { FileDrop } from '../../ui/fileDrop';
import { LabFrame, type LabProps } from '../../ui/lab';
import { RunBar } from '../../ui/runBar';
import { Scores } from '../../ui/scores';
import { format, Table } from '../../ui/table';
import { useAutoRun, useTask } from '../../ui/useTask';
import { maskCode } from './code';
import { fields } from './fields';
import { agreementLegend, classColor, MaskPicture } from './overlay';
import type { MaskInput, MaskResult, runMask } from './task';

export function MaskLab({ params, backend, set }: LabProps) {
  const values = readFields(fields, params);
  const [files, setFiles] = useState<MaskInput['files']>();
  const task = useTask<typeof runMask>('mask', backend);
  const run = () => task.run({ ...values, files });
  useAutoRun(run, [values.ignore, values.tolerance, values.spacing, files, backend]);
  return (
    <LabFrame
      title="Mask lab"
      about="Two masks, every score, and where they disagree. Scores with one name have many definitions: at the bottom are those of five programs, computed from the same counts."
      paper={{ citation: 'Garcia-Garcia et al., 2017', url: 'https://arxiv.org/abs/1704.06857' }}
      code={maskCode(values, task.backend ?? backend ?? 'wasm')}
      controls={
        <>
          <Controls fields={fields} values={values} set={set} />
          <FileDrop
            label="Your two masks"
            hint="PNG (gray, palette or one colour a class), npy or NIfTI of equal size: the prediction first, or files whose names say which is the target (target, truth, gt, label). They stay in this page, and out of the address."
            accept=".png,.npy,.nii,.gz"
            multiple
            onFiles={async (given) => setFiles(await readPair(given))}
          />
          {files && (
            <div class="buttons">
              <button
                type="button"
                onClick={() => setFiles({ prediction: files.target, target: files.prediction })}
              >
                Swap the two
              </button>
              <button type="button" onClick={() => setFiles(undefined)}>
                Back to the example
              </button>
            </div>
          )}
          <RunBar task={task} label="Score again" onRun={run} />
        </>
      }
    >
      {task.result && <Outcome result={task.result} />}
    </LabFrame>
  );
}

async function readPair(given: readonly File[]): Promise<NonNullable<MaskInput['files']>> {
  if (given.length !== 2) throw new Error(`two files are needed, got ${given.length}: select both at once.`);
  const isTarget = ({ name }: File) => /target|truth|gt|label/i.test(name);
  const ordered = isTarget(given[0]!) && !isTarget(given[1]!) ? [...given].reverse() : given;
  const [prediction, target] = await Promise.all(
    ordered.map(async (file) => new Uint8Array(await file.arrayBuffer())),
  );
  return { prediction: prediction!, target: target! };
}

function Outcome({ result: { masks, overall, classes, presets } }: { result: MaskResult }) {
  const wrong = masks.target.reduce(
    (count, label, i) => count + (label !== masks.ignoreIndex && label !== masks.prediction[i] ? 1 : 0),
    0,
  );
  const presetNames = [...new Set(presets.map(({ preset }) => preset))];
  return (
    <>
      <Scores cards={Object.entries(overall).map(([label, value]) => ({ label, value: format(value) }))} />
      <div class="overlay">
        <MaskPicture
          masks={masks}
          view="agreement"
          title="Overlay"
          description={`Where the masks agree and differ: ${wrong} of ${masks.target.length} pixels are wrong.`}
        />
        <ul class="legend" aria-label="Colours of the overlay">
          {agreementLegend.map(({ color, label }) => (
            <li key={label} style={{ '--color': color }}>
              {label}
            </li>
          ))}
        </ul>
      </div>
      <div class="pair">
        <MaskPicture
          masks={masks}
          view="target"
          title="Target"
          description={`Target with labels ${masks.classNames.join(', ')}.`}
        />
        <MaskPicture
          masks={masks}
          view="prediction"
          title="Prediction"
          description="Prediction in the same colours."
        />
      </div>
      <ul class="legend" aria-label="Colours of the labels">
        {masks.classNames.map((name, label) => (
          <li key={name} style={{ '--color': label === masks.ignoreIndex ? '#000' : classColor(label) }}>
            {label === masks.ignoreIndex ? `${name} (ignored)` : name}
          </li>
        ))}
      </ul>
      <Table
        caption="Per class"
        columns={[
          'label',
          'IoU',
          'Dice',
          'precision',
          'recall',
          'HD95',
          'ASSD',
          'NSD',
          'boundary IoU',
          'boundary F1',
        ]}
        rows={classes.map((row) => [
          row.name,
          row.iou,
          row.dice,
          row.precision,
          row.recall,
          row.hd95,
          row.assd,
          row.nsd,
          row.boundaryIou,
          row.boundaryF1,
        ])}
        digits={3}
      />
      <details>
        <summary>The same masks by the definitions of {presetNames.join(', ')}</summary>
        <Table
          caption="By the definitions of other programs"
          columns={['program', 'score', 'value']}
          rows={presets.map(({ preset, name, value }) => [preset, name, value])}
          words
        />
      </details>
    </>
  );
}
