// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/**
 * @title The `token` template: an ERC-20 whose supply is minted and burned by role, under an optional cap.
 * @dev `owner` begins with every role and may grant `MINTER_ROLE` and `BURNER_ROLE` to others, so that several
 * accounts on several nodes can mint on one contract.
 *
 * Decimals and cap lie in storage and not in immutables on purpose: immutables would be written into the code, and
 * every token would have a code of its own. So all tokens share one code, which nodes store and send once.
 */
contract Token is ERC20, ERC20Burnable, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    bytes32 public constant BURNER_ROLE = keccak256("BURNER_ROLE");

    uint8 private _decimals;
    uint256 private _cap;

    /// @dev Minting would lift the supply above the cap.
    error ERC20ExceededCap(uint256 increasedSupply, uint256 cap);

    /**
     * @param cap_ greatest supply in base units; 0: none
     * @param initialSupply base units minted to the owner
     * @param owner holder of every role and of the initial supply
     */
    constructor(
        string memory name_,
        string memory symbol_,
        uint8 decimals_,
        uint256 cap_,
        uint256 initialSupply,
        address owner
    ) ERC20(name_, symbol_) {
        if (owner == address(0)) revert ERC20InvalidReceiver(address(0));
        _decimals = decimals_;
        _cap = cap_;
        _grantRole(DEFAULT_ADMIN_ROLE, owner);
        _grantRole(MINTER_ROLE, owner);
        _grantRole(BURNER_ROLE, owner);
        if (initialSupply > 0) _mint(owner, initialSupply);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @notice Greatest supply in base units; 0: none.
    function cap() external view returns (uint256) {
        return _cap;
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// @notice Burns of the caller's own tokens. Spenders burn with `burnFrom`.
    function burn(uint256 amount) public override {
        super.burn(amount);
    }

    /// @notice Burns of any account, by role.
    function burn(address from, uint256 amount) external onlyRole(BURNER_ROLE) {
        _burn(from, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from == address(0) && _cap != 0 && totalSupply() > _cap) {
            revert ERC20ExceededCap(totalSupply(), _cap);
        }
    }
}
