export * from './index.js'
export type * from './api.js'
