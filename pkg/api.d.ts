// Written by `node tools/api.mjs`. What the entry points of the package declare.

// portcullis
interface Access {
    readonly unrestricted: boolean;
    readonly denied: readonly DeniedFamily[];
    may(model: string): boolean;
    verdict(model: string): ModelVerdict;
    toJSON(): AccessAnswer;
}
declare class Account {
    #private;
    free(): void;
}
type Buffered = ArrayBufferLike | ArrayBufferView;
interface BundleInfo {
    readonly id: string;
    readonly title: string;
    readonly version: number;
    readonly expires: number | null;
    readonly digest: string;
    readonly dialects: readonly {
        readonly id: string;
        readonly prefix: string;
        readonly credentials: readonly CredentialSlot[];
    }[];
    readonly facts: readonly {
        readonly name: string;
        readonly claim: string;
    }[];
    readonly secretLists: boolean;
    readonly needs: {
        readonly region: boolean;
        readonly asn: boolean;
        readonly ip: boolean;
        readonly operation: boolean;
        readonly network: readonly string[];
    };
}
type Bytes = Buffered | string;
type Code = "bundle_truncated" | "bundle_trailing_bytes" | "bundle_too_large" | "bundle_foreign_file" | "bundle_format" | "bundle_digest" | "bundle_malformed" | "list_key_wrong" | "list_key_missing" | "platform_lacks" | "key_invalid" | "module_unusable" | "trapped" | "replaced" | "released" | "exhausted" | "body_unusable" | "body_slow" | "access_unreachable" | "access_limited" | "access_refused" | "answer_invalid" | "fetch_failed" | "input_invalid";
type CompiledModule = object;
interface CredentialSlot {
    readonly in: "header" | "query" | "protocol";
    readonly name: string;
    readonly scheme: "bearer" | "plain";
}
declare class Decoder {
    #private;
    constructor(module: CompiledModule | Buffered);
    open(codings: string, signed: boolean): Decoding;
}
declare class Decoding {
    #private;
    feed(coded: Bytes | undefined): void;
    next(): Uint8Array | undefined;
    get failure(): number;
    free(): void;
}
interface DeniedFamily {
    readonly id: string;
    readonly title: string;
    readonly message: string;
    readonly appeal: string | null;
    readonly patterns: readonly string[];
    readonly restrictions?: readonly string[];
}
interface Facts {
    readonly place?: Place | readonly Place[] | null | undefined;
    readonly network?: readonly string[] | null | undefined;
    readonly asn?: number | null | undefined;
    readonly ip?: string | null | undefined;
    readonly account?: Account | readonly Account[] | null | undefined;
    readonly stale?: boolean | null | undefined;
    readonly now?: number | null | undefined;
}
declare class Gate {
    #private;
    readonly info: BundleInfo;
    private constructor();
    static load(options: GateOptions): Promise<Gate>;
    static loadSync(options: GateOptions<CompiledModule>): Gate;
    account(data: unknown): Account;
    accountByName(facts: Readonly<Record<string, unknown>>): Account;
    access(facts: Facts, request?: Pick<Head, "method" | "url"> | {
        operation: string;
    }): Access;
    judge(request: StreamedRequest, facts: Facts): Promise<Verdict>;
    judge(request: HeldRequest, facts: Facts): Verdict;
    open(head: Head, facts: Facts): Screening | undefined;
    get revision(): number;
    switch(id: string, state: SwitchState): boolean;
    free(): void;
}
interface GateOptions<Source = ModuleSource> {
    readonly module: Source;
    readonly bundle: Buffered;
    readonly listKey?: Buffered | null | undefined;
    readonly decoder?: Decoder | null | undefined;
    readonly remember?: boolean | null | undefined;
}
interface Head {
    readonly method: string;
    readonly url: string;
    readonly headers?: HeaderLines | null | undefined;
}
type HeaderLines = Iterable<readonly [
    string,
    string
]> | Readonly<Record<string, string | readonly string[] | undefined>>;
interface HeldRequest extends Head {
    readonly body?: Bytes | null | undefined;
}
type ModuleSource = CompiledModule | Buffered | Response | PromiseLike<Response>;
interface Place {
    readonly country?: string | null | undefined;
    readonly region?: string | null | undefined;
}
declare class PortcullisError extends Error {
    readonly name = "PortcullisError";
    readonly code: Code;
    constructor(code: Code, message: string, options?: ErrorOptions);
}
interface Refusal {
    readonly status: number;
    readonly headers: readonly (readonly [
        string,
        string
    ])[];
    readonly body: string;
}
declare class Screening {
    #private;
    readonly guarded: boolean;
    get caseId(): string;
    set caseId(id: string);
    get wantsBody(): boolean;
    feed(piece: Bytes): boolean;
    finish(): Verdict;
    get verdict(): Verdict | undefined;
    get operation(): string;
    get refusal(): Refusal | undefined;
    get denied(): readonly DeniedFamily[];
    release(): void;
}
declare class Session {
    #private;
    constructor(head: Head);
    get caseId(): string;
    set caseId(id: string);
    get guarded(): boolean;
    judge(gate: Gate, facts: Facts, message?: Bytes): Verdict | undefined;
    feedOrigin(message?: Bytes): boolean | undefined;
    giveUp(): void;
    get verdict(): Verdict | undefined;
    get operation(): string;
    get refusal(): SocketRefusal | undefined;
    release(): void;
}
interface SocketRefusal {
    readonly event: string;
    readonly code: number;
    readonly reason: string;
}
interface StreamedRequest extends Head {
    readonly headers: HeaderLines;
    readonly body?: {
        readonly locked: boolean;
        getReader(): unknown;
    } | null | undefined;
    readonly bodyUsed: boolean;
    arrayBuffer(): Promise<ArrayBuffer>;
}
type SwitchState = "on" | "off" | "shadow";
declare class Verdict {
    #private;
    readonly verdict: (typeof KINDS)[number];
    readonly reason: string;
    readonly mentions: readonly string[];
    get status(): number;
    get families(): readonly string[];
    get restrictions(): readonly string[];
    get licences(): readonly string[];
    refusal(caseId?: string): Refusal | undefined;
    toJSON(): VerdictJson;
}
type VerdictJson = Pick<Verdict, "verdict" | "status" | "mentions" | "families" | "restrictions" | "licences" | "reason">;
declare function isUpgrade({ method, headers, }: {
    readonly method: string;
    readonly headers: {
        get(name: string): string | null | undefined;
    };
}): boolean;
declare function passes(verdict: Verdict): boolean;

// portcullis/cloudflare
interface AccountTable {
    get(key: string, type: "text"): Promise<string | null>;
}
interface Context {
    waitUntil(promise: Promise<unknown>): void;
}
interface Settings extends SigningSettings {
    readonly ORIGIN?: string | Fetcher;
    readonly KEYS?: AccountTable;
    readonly KEY_SECRET?: string;
    readonly CREDENTIAL_SLOTS?: string;
    readonly LIST_KEY?: string;
    readonly CORS_ORIGINS?: string;
    readonly ACCESS_LIMITER?: Limiter;
    readonly LOCAL?: string;
}
interface Fetcher {
    fetch(request: Request): Promise<Response>;
}
interface Limiter {
    limit(options: {
        readonly key: string;
    }): Promise<{
        readonly success: boolean;
    }>;
}
interface Worker {
    fetch(request: Request, env: Settings, context: Context): Promise<Response>;
}
interface HandlerOptions {
    readonly module: CompiledModule;
    readonly bundle: Buffered;
    readonly decoder?: Decoder;
    readonly streamLife?: number;
    readonly socketLife?: number;
    readonly bodyWait?: number;
    readonly socketHold?: number;
}
declare function keyDigest(secret: string, credential: string): Promise<string>;
declare function worker(options: HandlerOptions): Worker;

// portcullis/browser
declare const ACCESS_URL = "/.well-known/portcullis/access";
// also exports Access
interface AccessAnswer {
    readonly unrestricted: boolean;
    readonly denied: readonly Omit<DeniedFamily, "restrictions">[];
    readonly patterns: Readonly<Record<string, boolean>>;
    readonly unlisted: "pass" | "defer" | "deny";
    readonly policy: {
        readonly id: string;
        readonly version: number;
    };
    readonly expires: string | null;
    readonly stale: boolean;
}
interface AccessOptions {
    readonly credential?: string | undefined;
    readonly operation?: string | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly fresh?: boolean | undefined;
}
// also exports Account
// also exports Code
// also exports DeniedFamily
// also exports Gate
interface ModelVerdict {
    readonly model: string;
    readonly verdict: "pass" | "deny" | "defer";
    readonly family: string | null;
    readonly title: string | null;
    readonly message: string | null;
    readonly appeal: string | null;
}
interface PageGateOptions {
    readonly bundle: string | URL | Buffered;
    readonly module?: string | URL | ModuleSource | undefined;
    readonly signal?: AbortSignal | undefined;
}
// also exports PortcullisError
declare function fetchAccess(url?: string | URL, { credential, operation, signal, fresh }?: AccessOptions): Promise<Access>;
declare function loadGate(options: PageGateOptions): Promise<Gate>;
declare function readAccess(answer: unknown): Access;

// portcullis/browser/inline
// also exports ACCESS_URL
// also exports Access
// also exports AccessAnswer
// also exports AccessOptions
// also exports Account
// also exports Code
// also exports DeniedFamily
// also exports Gate
// also exports ModelVerdict
// also exports PageGateOptions
// also exports PortcullisError
// also exports fetchAccess
declare function loadGate(options: PageGateOptions): Promise<Gate>;
// also exports readAccess

// portcullis/element
declare class ModelGate extends Base {
    #private;
    static readonly observedAttributes: string[];
    static readonly texts: {
        pending: string;
        failed: string;
        deferred: string;
        denied: string;
        appeal: string;
    };
    get access(): Access | null;
    set access(access: Access | PromiseLike<Access> | null);
    get verdict(): ModelVerdict | null;
    connectedCallback(): void;
    disconnectedCallback(): void;
    attributeChangedCallback(name: string): void;
}
type ModelState = "allowed" | "denied" | "unknown";
declare function provideAccess(access: Access | PromiseLike<Access>): void;

// portcullis/react
// also exports Access
// also exports AccessAnswer
declare function AccessProvider(props: AccessProviderProps): ReactElement;
interface AccessProviderProps {
    readonly access?: Access | PromiseLike<Access> | null | undefined;
    readonly url?: string | URL | undefined;
    readonly credential?: string | undefined;
    readonly operation?: string | undefined;
    readonly initial?: AccessAnswer | undefined;
    readonly refreshMs?: number | undefined;
    readonly texts?: Partial<GateTexts> | undefined;
    readonly children?: ReactNode;
}
interface AccessState {
    readonly access: Access | undefined;
    readonly status: AccessStatus;
    readonly error: PortcullisError | undefined;
    readonly refresh: () => void;
}
type AccessStatus = "pending" | "ready" | "failed";
// also exports DeniedFamily
type GateMode = "hide" | "disable" | "explain";
interface GateTexts {
    readonly pending: string;
    readonly failed: string;
    readonly deferred: string;
    readonly denied: string;
    readonly appeal: string;
}
interface ModelAccess {
    readonly state: "allowed" | "denied" | "unknown";
    readonly allowed: boolean;
    readonly pending: boolean;
    readonly title: string | null;
    readonly message: string | null;
    readonly appeal: string | null;
    readonly error: PortcullisError | undefined;
}
declare function ModelGate(props: ModelGateProps): ReactElement;
interface ModelGateProps {
    readonly model: string;
    readonly mode?: GateMode | undefined;
    readonly label?: string | undefined;
    readonly fallback?: ReactNode;
    readonly reason?: ((model: ModelAccess) => ReactNode) | undefined;
    readonly render?: ((model: ModelAccess) => ReactNode) | undefined;
    readonly texts?: Partial<GateTexts> | undefined;
    readonly className?: string | undefined;
    readonly children?: ReactNode;
}
// also exports ModelVerdict
// also exports PortcullisError
declare function useAccess(): AccessState;
declare function useModelAccess(model: string): ModelAccess;

// portcullis/origin
declare const ACCESS_HEADER = "portcullis-access";
type AccessCode = "access_missing" | "access_malformed" | "access_key_unknown" | "access_signature_wrong" | "access_expired" | "access_not_yet_valid" | "access_method_wrong" | "access_target_wrong" | "access_credential_wrong" | "access_replayed" | "access_cache_full";
type AccessKeys = ReadonlyMap<string, {
    readonly alg: KeyText["alg"];
    readonly key: object;
}>;
interface ArrivedRequest {
    readonly method: string;
    readonly target: string;
    readonly headers: HeaderLines;
}
declare const ENFORCED_HEADER = "portcullis-enforced";
// also exports HeaderLines
declare class NonceCache implements NonceStore {
    #private;
    constructor(capacity?: number);
    take(nonce: string, until: number, now: number): Taken;
}
interface NonceStore {
    take(nonce: string, until: number, now: number): Taken | Promise<Taken>;
}
type Taken = "fresh" | "replayed" | "full";
interface VerifiedAccess {
    readonly denied: readonly string[];
    readonly verdict: "pass" | "defer";
    readonly policy: string;
    readonly version: number;
    readonly bundle: string;
    readonly slots: readonly string[];
    readonly created: number;
    readonly nonce: string;
    readonly keyId: string;
}
declare function accessKeys(text: string): Promise<AccessKeys>;
declare function acknowledge(access: VerifiedAccess, status: number, key: string): Promise<string>;
declare function publicKey(secret: string): Promise<string>;
declare function verify(request: Request | ArrivedRequest, keys: AccessKeys, options?: {
    readonly now?: number;
    readonly nonces?: NonceStore;
}): Promise<VerifiedAccess | AccessCode>;

// portcullis/decode
// also exports Decoder
// also exports Decoding

// portcullis/edge.wasm
declare const module: WebAssembly.Module;

// portcullis/decode.wasm
// also exports default

// Referred to above, and not exported
interface KeyText {
    readonly id: string;
    readonly alg: "hmac-sha256" | "ed25519";
    readonly bytes: Uint8Array<ArrayBuffer>;
}
interface SigningSettings {
    readonly ACCESS_KEY?: string;
    readonly ENFORCED_KEY?: string;
}
