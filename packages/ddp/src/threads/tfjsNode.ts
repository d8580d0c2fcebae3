/**
 * tfjs-node in several threads of one process. Its addon keeps the names of op attributes in one `std::set` for the
 * process, without a lock (`ATTR_NAME_SET` in tfjs_backend.cc of tfjs-node 4.22): two threads that use a name for the
 * first time at once crash. So every thread that loads the addon enters all names of tfjs-node's and tfkit's ops before
 * its first op, one thread after the other; afterwards the set is only read.
 */
import { createRequire } from 'node:module';
import { word } from '../arena/layout';

const names =
  `DstT Index N SrcT T TI T_threshold Targmax Taxis Tblock_shape Tcomplex Tcrops Tidx Tindices Tlen Tmultiples
  Tnumsegments Tout Tpaddings Tparams Tperm Truncate Tshape acceptable_fraction adj_x adj_y align_corners alpha axis
  batch_dims begin_mask beta bias block_size channels chroma_downsampling compression container data_format dct_method
  density_unit depth_radius dilations dtype ellipsis_mask end_mask epsilon equation exclusive explicit_paddings
  extrapolation_value fancy_upscaling format half_pixel_centers ignore_lookup_error include_batch_in_index index_type
  is_training keep_dims ksize method mode new_axis_mask num num_split optimize_size out_idx out_type output_dtype
  output_type pad_to_max_output_size padding pattern progressive quality rates ratio replace_global reverse rewrite seed
  seed2 shape shared_name shrink_axis_mask sorted strides transpose_a transpose_b try_recover_truncated
  use_cudnn_on_gpu use_locking use_nesterov validate_indices x_density xmp_metadata y_density`.split(/\s+/);

interface Addon {
  readonly TF_ATTR_BOOL: number;
  executeOp(name: string, attributes: object[], inputs: number[], outputs: number): unknown;
}

const isAddon = (path: string) => /tfjs_binding\.node$/.test(path);

/**
 * Enters the names as soon as this thread loads tfjs-node, or now if it has.
 *
 * @param words the header of the group's memory, which all its threads share.
 * @returns takes the hook out again.
 */
export function guardTfjsNode(words: Int32Array): () => void {
  const loaded = Object.entries(createRequire(import.meta.url).cache).find(([path]) => isAddon(path));
  if (loaded) enterNames(loaded[1]!.exports as Addon, words);
  const { dlopen } = process;
  process.dlopen = (module: { exports: unknown }, path: string, ...flags: number[]) => {
    dlopen.call(process, module, path, ...(flags as [number]));
    if (isAddon(path)) enterNames(module.exports as Addon, words);
  };
  return () => {
    process.dlopen = dlopen;
  };
}

function enterNames(addon: Addon, words: Int32Array): void {
  const attributes = names.map((name) => ({ name, type: addon.TF_ATTR_BOOL, value: false }));
  while (Atomics.compareExchange(words, word.tfjsNode, 0, 1) !== 0)
    Atomics.wait(words, word.tfjsNode, 1, 100);
  try {
    addon.executeOp('NoOp', attributes, [], 0);
  } catch {
    // NoOp has none of these attributes, as TensorFlow says; their names were entered before it looked.
  } finally {
    Atomics.store(words, word.tfjsNode, 0);
    Atomics.notify(words, word.tfjsNode);
  }
}
