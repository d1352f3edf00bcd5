export type * from './generated/protocol';
export {
  CommandError,
  toAppError,
  type CommandName,
  type DropEvent,
  type Params,
  type Response,
  type Transport,
} from './transport';
