/** Shapes of Podium's live client. Sections named here are those of the API's documents. */

export type Metric = "steps" | "distance" | "calories" | "active_minutes" | "heart_points";

export type CompetitionStatus =
  | "upcoming"
  | "active"
  | "closing"
  | "provisional"
  | "final"
  | "cancelled";

export interface Entry {
  /** Equal scores share a rank: 1, 1, 3. */
  readonly rank: number;
  readonly user_id: string;
  readonly display_name: string;
  /** Whole units of the competition's metric. */
  readonly score: number;
}

export interface Place {
  readonly rank: number;
  readonly score: number;
  /** The next better place and the points to it; null in the first place. */
  readonly next: { readonly rank: number; readonly gap: number } | null;
}

/** A board as the server has it at `offset`. */
export class Board {
  readonly competitionId: string | null;
  readonly epoch: string | null;
  readonly offset: number;
  readonly status: CompetitionStatus | null;
  /** People on the board. */
  readonly total: number;
  /** My own place; null for someone who is not on the board. */
  readonly me: Place | null;
  /** The top 100, in order. */
  get entries(): readonly Entry[];
  /** `epoch=…&offset=…`, or empty before the first snapshot. */
  get resume(): string;
  /**
   * Take in a message of the socket. `gap`: messages are missing in between, resume; `old`: it
   * says nothing new; otherwise what kind of message it was.
   */
  take(message: { readonly type: string }): "snapshot" | "update" | "status" | "me" | "old" | "gap";
}

export type Transport = "socket" | "events";

/** How the connection stands. The competition's own status is `board.status`. */
export type ConnectionStatus =
  | { readonly state: "connecting"; readonly transport: Transport }
  | { readonly state: "live"; readonly transport: Transport }
  | { readonly state: "waiting"; readonly retryInMs: number }
  /** For good. 4400 bad request, 4401 signed out, 4403 not allowed any more, 4404 not there. */
  | { readonly state: "ended"; readonly code: 4400 | 4401 | 4403 | 4404 };

export interface LineOptions {
  /** Where Podium is, such as `https://podium.example`. In a page: its own origin. */
  site?: string;
  /**
   * A sign-in token, or where to get one that is good for another minute at least. `refused` is one
   * that the server no longer takes. An error with a `status` from 400 to 499 (but 429) says that
   * the person is signed out.
   */
  token?: string | ((refused: string | null) => Promise<string>);
  /** Where to get a ticket (`POST /api/v1/live/tickets`), instead of a token. */
  ticket?: () => Promise<string>;
  /** Default `auto`: sockets, and event streams where sockets do not get through. */
  transport?: "auto" | Transport;
  /** Least and greatest pause before coming back; default 1 and 20 seconds. */
  pauseMs?: { first?: number; longest?: number };
  onStatus?: (status: ConnectionStatus) => void;
  /** Default: the global ones. */
  WebSocket?: new (url: string) => unknown;
  fetch?: typeof fetch;
}

export interface Line {
  /** Leave. Nothing is called any more. */
  close(): void;
  /** Say that the app is shown again or the network is back. Pages need not: they say so. */
  wake(): void;
  /** Show a newer token on the open connection; done by itself where `token` is a function. */
  renew(token: string): void;
}

export interface BoardOptions extends LineOptions {
  competitionId: string;
  /** Watch a public board without a credential, by event stream. */
  spectator?: boolean;
  /** The board has changed. It is one object throughout; read it when you draw. */
  onBoard?: (board: Board) => void;
  /** My own place has changed, also because others have moved. */
  onMe?: (me: Place | null) => void;
}

export function watchBoard(options: BoardOptions): Line & { readonly board: Board };

export interface SyncMessage {
  readonly type: "sync";
  readonly sync_id: string;
  readonly status: "queued" | "running" | "succeeded" | "failed";
  readonly slots: { readonly received: number; readonly changed: number };
  readonly error: { readonly code: string; readonly detail: string } | null;
}

export interface StatsMessage {
  readonly type: "stats";
  /** The person's local day. */
  readonly date: string;
  readonly totals: Readonly<Record<Metric, number>>;
}

export interface NoticeMessage {
  readonly type: "notice";
  readonly code: "reauth_required" | "behind";
  readonly detail: string;
}

export interface FitnessOptions extends LineOptions {
  onSync?: (message: SyncMessage) => void;
  onStats?: (message: StatsMessage) => void;
  onNotice?: (message: NoticeMessage) => void;
}

export function followFitness(options: FitnessOptions): Line;
