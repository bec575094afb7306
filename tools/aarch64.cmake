# Cross-compiling for 64-bit ARM with Debian's compiler; static, so that qemu needs no root file system.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(SAKER_MOLD "" CACHE FILEPATH "the cross linker of the compiler")
