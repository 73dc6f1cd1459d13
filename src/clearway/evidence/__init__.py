"""From a finding to an exhibit that a court can check and in which nobody else can be recognised.

    redact      pixels that show one vehicle and nothing else
    manifest    what the exhibit says, as canonical JSON
    seal        everything together in one ZIP, all or nothing
    merkle      RFC 6962's tree: roots, paths, and whether they fit
    note        what a ledger's owner and its witnesses sign
    tiles       the tree as files that anybody can fetch and check
    ledger      every seal, view and decision as one line of that tree
    fsck        the ledger derived again by somebody who trusts none of its files
    witness     somebody else's eyes on a ledger
    pkcs11      a signing key that stays in a token
    verify      the same exhibit, checked by somebody who trusts nobody

Import what you need from these files: this one imports nothing, so that `clearway verify` needs only `cryptography`.
"""
