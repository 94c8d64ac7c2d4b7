# A build for arm64 on Debian: apt-get install crossbuild-essential-arm64 qemu-user-static, and the libraries' -dev packages as `:arm64`.
# cmake -S . -B build-arm64 -G Ninja -DCMAKE_TOOLCHAIN_FILE=tests/aarch64.cmake; ctest runs the tests by qemu.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
