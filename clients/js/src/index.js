export { Onetime } from './onetime.js'
export { OnetimeError, RefusedError, UndecidedError } from './errors.js'
