// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Burnable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Burnable.sol";

/**
 * @title The `nft` template: an ERC-721 whose tokens are minted by role, numbered from 1, under an optional cap.
 * @dev `owner` begins with every role. A token's metadata is at the URI that it was minted with or, without one, at the
 * base URI with its number behind.
 *
 * As with `token`, nothing is in immutables, so that all contracts of this template share one code.
 */
contract Nft is ERC721, ERC721Burnable, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    string private _base;
    uint256 private _cap;
    uint256 private _supply;
    uint256 private _last;
    mapping(uint256 tokenId => string) private _uris;

    /// @dev Minting would lift the number of tokens above the cap.
    error ERC721ExceededCap(uint256 cap);

    /**
     * @param baseUri what comes before the numbers of tokens without a URI of their own; may be empty
     * @param cap_ greatest number of tokens at a time; 0: none
     * @param owner holder of every role
     */
    constructor(string memory name_, string memory symbol_, string memory baseUri, uint256 cap_, address owner)
        ERC721(name_, symbol_)
    {
        if (owner == address(0)) revert ERC721InvalidReceiver(address(0));
        _base = baseUri;
        _cap = cap_;
        _grantRole(DEFAULT_ADMIN_ROLE, owner);
        _grantRole(MINTER_ROLE, owner);
    }

    /// @notice Greatest number of tokens at a time; 0: none.
    function cap() external view returns (uint256) {
        return _cap;
    }

    /// @notice Tokens that were minted and not burned.
    function totalSupply() external view returns (uint256) {
        return _supply;
    }

    /// @notice Mints the next token, whose metadata is at the base URI with its number behind.
    function mint(address to) external onlyRole(MINTER_ROLE) returns (uint256 tokenId) {
        return _mintNext(to, "");
    }

    /// @notice Mints the next token with metadata at `uri`.
    function mint(address to, string calldata uri) external onlyRole(MINTER_ROLE) returns (uint256 tokenId) {
        return _mintNext(to, uri);
    }

    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        string memory own = _uris[tokenId];
        return bytes(own).length > 0 ? own : super.tokenURI(tokenId);
    }

    function supportsInterface(bytes4 interfaceId) public view override(ERC721, AccessControl) returns (bool) {
        return super.supportsInterface(interfaceId);
    }

    function _mintNext(address to, string memory uri) private returns (uint256 tokenId) {
        if (_cap != 0 && _supply >= _cap) revert ERC721ExceededCap(_cap);
        tokenId = ++_last;
        if (bytes(uri).length > 0) _uris[tokenId] = uri;
        // Last, because it calls a receiver that is a contract.
        _safeMint(to, tokenId);
    }

    function _baseURI() internal view override returns (string memory) {
        return _base;
    }

    function _update(address to, uint256 tokenId, address auth) internal override returns (address from) {
        from = super._update(to, tokenId, auth);
        if (from == address(0)) _supply++;
        if (to == address(0)) {
            _supply--;
            delete _uris[tokenId];
        }
    }
}
