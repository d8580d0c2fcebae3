import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DefaultTheme, defineConfig } from 'vitepress';

/** Made by typedoc.mjs. */
const apiFile = fileURLToPath(new URL('../api/typedoc-sidebar.json', import.meta.url));
const api: DefaultTheme.SidebarItem[] = existsSync(apiFile) ? JSON.parse(readFileSync(apiFile, 'utf8')) : [];

const guides: DefaultTheme.SidebarItem[] = [
  { text: 'Why tfjs, and what works without it', link: '/guides/why-tfjs' },
  { text: 'Choosing a backend', link: '/guides/choosing-a-backend' },
  { text: 'Choosing a sampler', link: '/guides/choosing-a-sampler' },
  { text: 'Choosing a margin', link: '/guides/choosing-a-margin' },
  { text: 'Which mIoU do you mean?', link: '/guides/which-miou' },
  { text: 'Training on several hosts', link: '/guides/several-hosts' },
  { text: 'Writing a kernel for a backend', link: '/guides/writing-a-kernel' },
  { text: 'Moving from PyTorch names', link: '/guides/from-pytorch' },
  { text: 'In a page and in a bundle', link: '/guides/pages-and-bundles' },
];

export default defineConfig({
  title: 'tfkit',
  description: 'Small packages that give TensorFlow.js what papers use and the framework lacks',
  base: process.env.DOCS_BASE ?? '/',
  cleanUrls: true,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  lastUpdated: false,
  // Dead links fail the build; 'index' pages and anchors included.
  ignoreDeadLinks: false,
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guides', link: '/guides/why-tfjs', activeMatch: '/guides/' },
      { text: 'API', link: '/api/', activeMatch: '/api/' },
    ],
    sidebar: [
      { text: 'Guides', items: guides },
      { text: 'API', link: '/api/', items: api },
    ],
  },
});
