export declare const types: Record<string, unknown>;
export declare const lengths: number[];
export declare function numbersOf(name: string, rank: number, length: number): ArrayLike<number>;
