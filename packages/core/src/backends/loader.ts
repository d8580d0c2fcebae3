/** What `selectBackend` needs to know of a backend, and how each is brought into tfjs' registry. */
import * as tf from '@tensorflow/tfjs-core';

/** The backends that `selectBackend` knows. */
export type BackendName = 'tensorflow-gpu' | 'tensorflow' | 'webgpu' | 'webgl' | 'wasm' | 'cpu';

export const backendNames: readonly BackendName[] = [
  'tensorflow-gpu',
  'tensorflow',
  'webgpu',
  'webgl',
  'wasm',
  'cpu',
];

/** Brings one backend into tfjs' registry. Made by the functions of `@tfkit/core/backends/<name>`. */
export interface BackendLoader {
  readonly name: BackendName;
  /** The backend's name in tfjs' registry; `tensorflow-gpu` and `tensorflow` share one. */
  readonly engineName: string;
  /** The npm packages that bring it. */
  readonly packages: readonly string[];
  /** Imports the packages and registers the backend. Rejects with the reason if it cannot work here. */
  load(): Promise<void>;
  /** After the backend is set: why it should not be chosen unasked (software rendering, no GPU found), if so. */
  objection?(): Promise<string | undefined>;
}

export type Importer = () => Promise<unknown>;

export function cpuLoader(importBackend: Importer): BackendLoader {
  return importing('cpu', 'cpu', '@tensorflow/tfjs-backend-cpu', importBackend);
}

export function wasmLoader(importBackend: Importer): BackendLoader {
  return importing('wasm', 'wasm', '@tensorflow/tfjs-backend-wasm', importBackend);
}

export function tensorflowLoader(importBackend: Importer): BackendLoader {
  return importing('tensorflow', 'tensorflow', '@tensorflow/tfjs-node', importBackend);
}

export function tensorflowGpuLoader(importBackend: Importer): BackendLoader {
  return {
    ...importing('tensorflow-gpu', 'tensorflow', '@tensorflow/tfjs-node-gpu', importBackend),
    objection: async () => {
      const backend = tf.backend() as { isUsingGpuDevice?: boolean };
      return backend.isUsingGpuDevice ? undefined : 'TensorFlow found no GPU';
    },
  };
}

export function webglLoader(importBackend: Importer): BackendLoader {
  return {
    ...importing('webgl', 'webgl', '@tensorflow/tfjs-backend-webgl', importBackend),
    objection: async () => {
      const { gl } = (tf.backend() as unknown as { gpgpu: { gl: WebGLRenderingContext } }).gpgpu;
      const info = gl.getExtension('WEBGL_debug_renderer_info');
      const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
      return isSoftware(renderer) ? `renders in software (${renderer})` : undefined;
    },
  };
}

/**
 * WebGPU, registered by our own factory instead of the package's: it also works when `navigator.gpu` appeared after
 * the import, as it does in Node, and it asks for as many storage buffers per stage as the adapter has.
 *
 * @param importBackend imports `@tensorflow/tfjs-backend-webgpu`.
 * @param installGpu puts a `GPU` on `navigator.gpu` where the platform has none (Node: the npm package `webgpu`).
 */
export function webgpuLoader(importBackend: Importer, installGpu?: () => Promise<void>): BackendLoader {
  return {
    name: 'webgpu',
    engineName: 'webgpu',
    packages: installGpu
      ? ['@tensorflow/tfjs-backend-webgpu', 'webgpu']
      : ['@tensorflow/tfjs-backend-webgpu'],
    load: async () => {
      if (!globalThis.navigator?.gpu) await installGpu?.();
      if (!globalThis.navigator?.gpu) throw new Error('this platform has no navigator.gpu');
      const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
      if (!adapter) throw new Error('no WebGPU adapter was found');
      const { WebGPUBackend } = (await importBackend()) as WebGPUModule;
      if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
      tf.registerBackend(
        'webgpu',
        async () => {
          const backend = new WebGPUBackend(await requestDevice(adapter), adapter.info);
          adapterInfos.set(backend, adapter.info);
          return backend;
        },
        3,
      );
    },
    objection: async () => {
      const info = adapterInfos.get(tf.backend()) ?? ({} as Partial<GPUAdapterInfo>);
      const text = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(' ');
      const fallback = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
      return fallback || isSoftware(text) ? `renders in software (${text || 'fallback adapter'})` : undefined;
    },
  };
}

interface WebGPUModule {
  WebGPUBackend: new (device: GPUDevice, info?: GPUAdapterInfo) => tf.KernelBackend;
}

const adapterInfos = new WeakMap<tf.KernelBackend, GPUAdapterInfo>();

async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const features = ['timestamp-query', 'bgra8unorm-storage'] as const;
  const limits = [
    'maxComputeWorkgroupStorageSize',
    'maxComputeWorkgroupsPerDimension',
    'maxStorageBufferBindingSize',
    'maxStorageBuffersPerShaderStage',
    'maxBufferSize',
    'maxComputeWorkgroupSizeX',
    'maxComputeInvocationsPerWorkgroup',
  ] as const;
  return adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
  });
}

const isSoftware = (renderer: string) =>
  /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i.test(renderer);

function importing(
  name: BackendName,
  engineName: string,
  packageName: string,
  importBackend: Importer,
): BackendLoader {
  return {
    name,
    engineName,
    packages: [packageName],
    load: async () => {
      // The user's own import of the package, or an earlier call, has registered it already.
      if (tf.findBackendFactory(engineName)) return;
      await importBackend();
      if (!tf.findBackendFactory(engineName)) {
        throw new Error(`${packageName} was imported but registered no backend '${engineName}'`);
      }
    },
  };
}
