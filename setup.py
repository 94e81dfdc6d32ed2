from setuptools import find_packages, setup
setup(name="tfctr", version="0.1.0", packages=find_packages(include=["tfctr*", "tfx_pipeline*"]), entry_points={"console_scripts": ["tfctr = tfctr.cli:main"]})
