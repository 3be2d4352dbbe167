import { testBoardContract } from "../contracts/board_contract.ts";
import { MemoryBoard } from "./memory_board.ts";

testBoardContract("In-memory", () => {
  const board = new MemoryBoard();
  return Promise.resolve({
    process: () => board,
    away: () => Promise.resolve(board.hold()),
    back: () => board.release(),
    entries: () => Promise.resolve([...board.entries.values()].toSorted((a, b) => a.shard - b.shard)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
