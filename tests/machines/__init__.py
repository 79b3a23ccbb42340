"""The judge on other machines: other processors, kernels and Pythons, made of Debian's packages. See README.md."""
