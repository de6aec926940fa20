import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// One classic script and one style sheet: a page opened from disk may load no module, so both are inlined in it.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: "../src/unitscope/page/bundle",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "unitscope", fileName: () => "page.js", cssFileName: "page" },
  },
});
