/**
 * Brings the optional backends that the tests use when they find them. For Debian-like machines.
 *
 *   npm run setup:backends                        all of them
 *   npm run setup:backends webgpu tensorflow      only these
 *   npm run setup:backends -- --check             only tells what is there and what is missing
 *
 *   chromium    Debian's browser, for tests in a page (webgl, webgpu, wasm). Used as found: $CHROMIUM, or one of
 *               the usual names on the PATH. Its SwiftShader is also the Vulkan driver that the next one needs.
 *   webgpu      npm's `webgpu` (Dawn), for WebGPU in Node: <cache>/webgpu/node_modules/webgpu
 *   tensorflow  `@tensorflow/tfjs-node`: createRequire('<cache>/tfjs-node/x.cjs')('@tensorflow/tfjs-node').
 *               Its own installer fetches libtensorflow from a download host that many machines cannot reach, so
 *               the addon is compiled here against the library inside the Python wheel. About 1.1 GB when done.
 *   openmpi     Debian's Open MPI, for ranks over several processes and hosts: mpirun on the PATH.
 *   mpich       the other MPI, unpacked beside it and not installed, since both would be mpirun: <cache>/mpich/root
 *   node-22 ...  other versions of Node, on which the packed packages are tried: <cache>/node-22/node_modules/node-...
 *
 * <cache> is $TFKIT_CACHE (relative to the repository root) or .cache. A backend is built in a draft folder, tried
 * there, and moved to its place only if it works: whatever interrupts this program, the next run repairs it. What
 * is already there is tried again rather than believed, in a few seconds. Long output goes to <cache>/setup.log.
 *
 * Exit code: 0 all there (always, for --check), 1 a backend could not be brought, 2 unknown argument.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const webgpu = 'webgpu@0.6.2';
const tfjsNode = '@tensorflow/tfjs-node@4.22.0';
const tensorflowWheel = 'tensorflow-cpu==2.21.0';
const nodeVersions = [22, 24, 26];

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = resolve(root, process.env.TFKIT_CACHE || '.cache');
const logFile = join(cache, 'setup.log');

/**
 * `inspect` returns what was found and throws what is missing; `bring` mends that.
 * In the order in which they must come: webgpu is tried with chromium's Vulkan driver.
 */
const backends = {
  chromium: { inspect: inspectChromium, bring: () => aptInstall(['chromium']) },
  webgpu: builtInCache('webgpu', webgpu, fillWebgpu, tryWebgpu),
  tensorflow: builtInCache('tfjs-node', `${tfjsNode} with ${tensorflowWheel}`, fillTfjsNode, tryTfjsNode),
  openmpi: { inspect: inspectOpenMpi, bring: () => aptInstall(['openmpi-bin']) },
  mpich: builtInCache('mpich', 'mpich of the distribution', fillMpich, tryMpich),
  ...Object.fromEntries(nodeVersions.map((major) => [`node-${major}`, nodeInCache(major)])),
};

process.exitCode = main(process.argv.slice(2));

function main(args) {
  const all = Object.keys(backends);
  const unknown = args.find((arg) => !all.includes(arg) && arg !== '--check');
  if (unknown !== undefined) {
    console.error(`setup:backends: unknown argument "${unknown}"; known are ${all.join(', ')}, --check.`);
    return 2;
  }
  const asked = all.filter((name) => args.includes(name));
  const names = asked.length > 0 ? asked : all;
  if (args.includes('--check')) return check(names);

  fs.mkdirSync(cache, { recursive: true });
  fs.writeFileSync(logFile, '');
  removeAbandonedDrafts();
  return names.map(setUp).every(Boolean) ? 0 : 1;
}

function check(names) {
  printRow('backend', 'state', 'what was found');
  for (const name of names) {
    try {
      printRow(name, 'ready', backends[name].inspect());
    } catch (error) {
      printRow(name, 'missing', `${error.message}; to bring it: npm run setup:backends ${name}`);
    }
  }
  return 0;
}

/** Brings one backend unless it is there already; true if it works in the end. */
function setUp(name) {
  const start = performance.now();
  const report = (state, text) =>
    printRow(name, state, `${text} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  try {
    report('there', backends[name].inspect());
    return true;
  } catch (error) {
    printRow(name, 'wanted', error.message);
  }
  try {
    backends[name].bring();
    report('ready', backends[name].inspect());
    return true;
  } catch (error) {
    report('FAILED', error.message);
    return false;
  }
}

function printRow(name, state, text) {
  console.log(`${name.padEnd(12)}${state.padEnd(9)}${text}`);
}

/** A backend in a folder of the cache, which `fill` fills; `tryOut` says what works there, or throws. */
function builtInCache(folderName, versions, fill, tryOut) {
  const folder = join(cache, folderName);
  const inspect = () => {
    const marker = join(folder, '.ok');
    const found = fs.existsSync(marker) ? fs.readFileSync(marker, 'utf8').trim() : 'nothing';
    if (found !== versions) throw new Error(`${folder} should hold ${versions}, holds ${found}`);
    return `${versions}, ${tryOut(folder)}`;
  };
  const bring = () => {
    const draft = `${folder}.draft-${process.pid}`;
    try {
      fs.mkdirSync(draft);
      fs.writeFileSync(join(draft, 'package.json'), '{ "private": true }\n');
      fill(draft);
      tryOut(draft);
      fs.writeFileSync(join(draft, '.ok'), `${versions}\n`);
      remove(folder);
      fs.renameSync(draft, folder);
    } finally {
      remove(draft);
    }
  };
  return { inspect, bring };
}

/** Removes what killed runs left, as far as it goes: a command that outlived its run may be writing there still. */
function removeAbandonedDrafts() {
  for (const name of fs.readdirSync(cache)) {
    const pid = /\.draft-(\d+)$/.exec(name)?.[1];
    if (!pid || fs.existsSync(`/proc/${pid}`)) continue;
    try {
      remove(join(cache, name));
    } catch {} // the next run removes the rest
  }
}

function inspectChromium() {
  const executable = findChromium();
  if (!executable) throw new Error('no chromium, chromium-browser, google-chrome or $CHROMIUM found');
  const driver = findVulkanDriver() ?? 'not found';
  return `${ask(executable, ['--version'])} at ${executable}, its Vulkan driver ${driver}`;
}

function inspectOpenMpi() {
  const executable = findExecutable('mpirun');
  if (!executable) throw new Error('no mpirun found');
  const version = spawnSync(executable, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
  if (!/Open MPI/.test(version)) throw new Error(version);
  return `${version} at ${executable}`;
}

/** Its packages and those that it needs and this machine lacks. */
function fillMpich(folder) {
  const wanted = spawnSync(
    'apt-get',
    ['-s', '-qq', '--no-install-recommends', 'install', 'mpich', 'libmpich12'],
    {
      encoding: 'utf8',
    },
  );
  const names = wanted.stdout.split('\n').flatMap((line) => line.match(/^Inst (\S+)/)?.[1] ?? []);
  if (names.length === 0) throw new Error(`apt-get names no packages for mpich: ${wanted.stderr.trim()}`);
  run(`download ${names.join(' ')}`, 'apt-get', ['download', ...names], folder);
  for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    run(`unpack ${file}`, 'dpkg', ['-x', file, 'root'], folder);
    fs.rmSync(join(folder, file));
  }
}

function tryMpich(folder) {
  const launcher = join(folder, 'root/usr/bin/mpiexec.hydra');
  const libraries = join(
    folder,
    'root/usr/lib',
    process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu',
  );
  const env = { ...process.env, LD_LIBRARY_PATH: `${libraries}:${libraries}/slurm-wlm` };
  const { status, stdout, stderr } = spawnSync(launcher, ['-bootstrap', 'fork', '-n', '2', 'echo', 'rank'], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0 || !stdout.includes('rank'))
    throw new Error(`${launcher} does not run: ${stderr?.trim()}`);
  return `starts ranks by ${launcher}`;
}

function findChromium() {
  const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'];
  return names.filter(Boolean).map(findExecutable).find(Boolean);
}

/** SwiftShader's json, beside the browser itself; Debian's /usr/bin/chromium is only a script that starts it. */
function findVulkanDriver() {
  const executable = findChromium();
  const beside = executable ? [dirname(fs.realpathSync(executable))] : [];
  const folders = [...beside, '/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'];
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) => fs.existsSync(file));
}

function fillWebgpu(folder) {
  npmInstall(folder, webgpu);
  // Dawn looks for the Vulkan loader beside itself first, and a machine without graphics has none of its own.
  const loader = join(dirname(findVulkanDriver() ?? '/'), 'libvulkan.so.1');
  const dawn = join(folder, 'node_modules/webgpu/dist', `linux-${process.arch}`);
  if (fs.existsSync(loader)) fs.symlinkSync(loader, join(dawn, 'libvulkan.so.1'));
}

function tryWebgpu(folder) {
  const program = `
    const { create } = await import('./node_modules/webgpu/index.js');
    const adapter = await create([]).requestAdapter();
    if (!adapter) throw new Error('no adapter: a Vulkan driver (chromium brings one) or loader (libvulkan1) is missing');
    await adapter.requestDevice();
    console.log('adapter', adapter.info.vendor, adapter.info.architecture);
    process.exit(0);`;
  const VK_ICD_FILENAMES = process.env.VK_ICD_FILENAMES ?? findVulkanDriver();
  return ask(process.execPath, ['--input-type=module', '-e', program], folder, { VK_ICD_FILENAMES });
}

function fillTfjsNode(folder) {
  aptInstallMissingBuildTools();
  npmInstall(folder, tfjsNode);
  const addon = join(folder, 'node_modules/@tensorflow/tfjs-node');
  const deps = join(addon, 'deps');
  layLibtensorflow(folder, deps);
  try {
    run('compile the addon', 'npm', ['run', 'build-addon-from-source'], addon);
  } catch (error) {
    const nodedir = ask('npm', ['config', 'get', 'nodedir'], addon);
    if (fs.existsSync(join(nodedir, 'include/node/node.h'))) throw error;
    throw new Error(`${error.message}; no Node headers: npm's nodedir must hold include/node/node.h`);
  }
  remove(join(deps, 'include'));
}

/** Lays the wheel's headers and its two libraries where the addon's build and its run path expect them. */
function layLibtensorflow(folder, deps) {
  const wheel = join(folder, 'wheel');
  const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '-d', wheel, tensorflowWheel];
  run(`download ${tensorflowWheel}`, 'python3', pip);
  const unzip = `import glob, zipfile
wheel = zipfile.ZipFile(glob.glob('*.whl')[0])
wanted = ('tensorflow/include/', 'tensorflow/libtensorflow_')
wheel.extractall(members=[name for name in wheel.namelist() if name.startswith(wanted)])`;
  run('unpack libtensorflow', 'python3', ['-c', unzip], wheel);

  fs.mkdirSync(join(deps, 'lib'), { recursive: true });
  fs.renameSync(join(wheel, 'tensorflow/include'), join(deps, 'include'));
  for (const name of ['tensorflow_cc', 'tensorflow_framework']) {
    fs.renameSync(join(wheel, `tensorflow/lib${name}.so.2`), join(deps, `lib/lib${name}.so.2`));
  }
  fs.symlinkSync('libtensorflow_cc.so.2', join(deps, 'lib/libtensorflow.so'));
  fs.symlinkSync('libtensorflow_framework.so.2', join(deps, 'lib/libtensorflow_framework.so'));
  remove(wheel);
}

function tryTfjsNode(folder) {
  const program = `
    require('node:util').isNullOrUndefined ??= (value) => value == null; // gone from Node 23, wanted by tfjs-node
    const tf = require('node:module').createRequire(process.cwd() + '/x.cjs')('@tensorflow/tfjs-node');
    const product = tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]).dataSync().join();
    const found = tf.getBackend() + ' ' + product;
    if (found !== 'tensorflow 19,22,43,50') throw new Error('wrong matMul, ' + found);
    console.log('TensorFlow', tf.backend().binding.TF_Version);`;
  return ask(process.execPath, ['-e', program], folder, { TF_CPP_MIN_LOG_LEVEL: '2' });
}

/** The package `node` of npm fetches this one at install; it holds the binary itself. */
function nodeInCache(major) {
  const name = `node-${process.platform}-${process.arch}`;
  const fill = (folder) => npmInstall(folder, `${name}@${major}`);
  const tryOut = (folder) => `Node ${ask(join(folder, 'node_modules', name, 'bin', 'node'), ['--version'])}`;
  return builtInCache(`node-${major}`, `${name}@${major}`, fill, tryOut);
}

function aptInstallMissingBuildTools() {
  const missing = ['python3', 'make', 'g++'].filter((tool) => !findExecutable(tool));
  if (spawnSync('python3', ['-m', 'pip', '--version']).status !== 0) missing.push('python3-pip');
  if (missing.length > 0) aptInstall(missing);
}

function aptInstall(packages) {
  const names = packages.join(' ');
  const sudo = process.getuid() === 0 ? [] : ['sudo', '-n'];
  const [command, ...apt] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-y'];
  try {
    run('update the package lists', command, [...apt, 'update']);
    run(`install ${names}`, command, [...apt, '--no-install-recommends', 'install', ...packages]);
  } catch (error) {
    throw new Error(`${error.message}; as root: apt-get update && apt-get install -y ${names}`);
  }
}

function npmInstall(folder, packageAtVersion) {
  const options = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];
  run(`install ${packageAtVersion}`, 'npm', ['install', ...options, packageAtVersion], folder);
}

/** Runs a long command with its output in the log; throws with the cause if it fails. */
function run(what, command, args, cwd = cache) {
  console.log(`${' '.repeat(21)}${what} ...`);
  fs.appendFileSync(logFile, `\n== ${what}: ${command} ${args.join(' ')}\n`);
  const outputStart = fs.statSync(logFile).size;
  const log = fs.openSync(logFile, 'a');
  const result = spawnSync(command, args, { cwd, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  if (result.status === 0) return;
  const output = fs.readFileSync(logFile).subarray(outputStart).toString();
  throw new Error(`could not ${what}: ${causeOfFailure(result, output)} (all of it in ${logFile})`);
}

/** The last line that a short command prints; throws with the cause if it fails. */
function ask(command, args, cwd = root, env = {}) {
  const options = { cwd, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 120_000 };
  const result = spawnSync(command, args, options);
  if (result.status !== 0) throw new Error(`does not work: ${causeOfFailure(result, result.stderr ?? '')}`);
  return result.stdout.trim().split('\n').at(-1);
}

/** How a command ended and its telling lines: the first that speak of an error, else the last ones. */
function causeOfFailure({ error, signal, status }, output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
  const errors = lines.filter((line) => /^E: |error: |npm error code/i.test(line));
  const telling = errors.length > 0 ? errors.slice(0, 2) : lines.slice(-3);
  const ending = error?.message ?? (signal ? `ended by ${signal}` : `exit code ${status}`);
  return [ending, ...telling.map((line) => line.trim().slice(0, 160))].join(' | ');
}

/** The path of an executable given by name or path, if there is one. */
function findExecutable(name) {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function remove(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
}
