# abi
