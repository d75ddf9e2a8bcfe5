# How `sam build` makes a layer of third-party packages. Included by the Makefiles of all that is compiled.
#
# ARCHITECTURE must equal the template's parameter of that name: SAM does not tell a makefile which
# architecture it builds for. Both default to arm64; `make deploy` and the local stack set both.
ARCHITECTURE ?= arm64
PYTHON ?= python3.13

machine_arm64 = aarch64
machine_x86_64 = x86_64
machine = $(or $(machine_$(ARCHITECTURE)),$(error ARCHITECTURE must be arm64 or x86_64, not "$(ARCHITECTURE)"))

# The newest C library a wheel may ask for: Lambda's python3.13 runs on Amazon Linux 2023, glibc 2.34.
platforms = manylinux2014_$(machine) manylinux_2_17_$(machine) manylinux_2_28_$(machine) manylinux_2_34_$(machine)

# `make lock` writes locked.txt: all that the layer holds, each file with its hash, at the versions of constraints.txt.
define install_wheels
$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-compile \
	--require-hashes --no-deps --requirement locked.txt \
	--only-binary=:all: --implementation cp --python-version 3.13 $(addprefix --platform ,$(platforms)) \
	--target "$(ARTIFACTS_DIR)/python"
rm -rf "$(ARTIFACTS_DIR)/python/bin"
$(compile)
endef

# Where Lambda has what is built: a layer, unless the makefile says otherwise.
unpacked = /opt

# That is read-only in Lambda: without bytecode beside it, every cold start compiles every module again.
# Unchecked, because packaging changes the time stamps that checked bytecode is compared with.
define compile
$(PYTHON) -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
	-s "$(ARTIFACTS_DIR)" -p $(unpacked) "$(ARTIFACTS_DIR)"
endef
