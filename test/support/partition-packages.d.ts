/** What the tests use of two packages that bring no types. */
declare module 'mbr' {
  interface MbrPartition {
    readonly type: number;
    readonly firstLBA: number;
    readonly sectors: number;
  }
  const MBR: { parse(sector: Buffer): { readonly partitions: readonly MbrPartition[] } };
  export = MBR;
}

declare module 'gpt' {
  interface GptPartition {
    readonly type: string;
    readonly firstLBA: bigint;
    readonly lastLBA: bigint;
  }
  class GPT {
    constructor(options: { blockSize: number });
    readonly partitions: readonly GptPartition[];
    parse(image: Buffer, headerStartByte: number): GPT;
  }
  export = GPT;
}
