import { defineConfig } from '@hey-api/openapi-ts';

// Only types: the dashboard has its own client, and nothing of the generator is shipped.
export default defineConfig({
  input: './openapi.json',
  output: { path: process.env.CORRAL_TYPES_OUT ?? './src/lib/core/clients/generated', clean: true },
  plugins: [{ name: '@hey-api/typescript', enums: false }]
});
