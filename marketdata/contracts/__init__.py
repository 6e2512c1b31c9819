"""Names of contracts: a raw symbol such as NQH5, which returns every ten years, and the contract NQH2025.

`symbols` reads the parts of a raw symbol. `years` decides the years, by the date of the first bar or by the date of
expiration. `products` lists the products that need a rule of their own. No Django.
"""
