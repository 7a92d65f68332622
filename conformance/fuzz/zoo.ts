/** A contract with parameters of every kind, and every way to fail. */

import { type Compiled, compile } from "../network/solidity.ts";

const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
contract Zoo {
  struct Point { uint256 x; int8 y; }
  error TooMuch(uint256 given, uint256 allowed);
  uint256 public value;
  mapping(uint256 => uint256) slots;
  constructor(uint256 initial) payable { value = initial; }
  function set(uint256 next) external returns (uint256 previous) { previous = value; value = next; }
  function small(uint8 a, int8 b, bool c) external { value = c ? a : uint8(b); }
  function texts(string calldata a, bytes calldata b, bytes4 c) external { value = bytes(a).length + b.length + uint32(c); }
  function lists(uint256[] calldata a, address[2] calldata b, uint16[2][] calldata c) external {
    value = a.length + c.length + uint160(b[0]);
  }
  function point(Point calldata p, Point[] calldata more) external returns (Point memory) { value = more.length; return p; }
  function pay() external payable { value = msg.value; }
  function same(uint256 a) external { value = a; }
  function same(address a) external { value = uint160(a); }
  function limited(uint256 a) external { if (a > 10) revert TooMuch(a, 10); value = a; }
  function fail() external { value = 1; require(false, "as asked"); }
  function divide(uint256 by) external { value = value / by; }
  function halt() external { value = 0; assembly { invalid() } }
  function forever() external { for (uint256 i = 0; ; i++) slots[i] = 1; }
  function look(address a, uint256 b) external view returns (uint256) { return value + b + uint160(a); }
}`;

export const compileZoo = (): Compiled => compile("Zoo", SOURCE);
