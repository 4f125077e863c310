# Every library this needs, by Debian package. One that is missing stops here with the package's name.

# require_package(NAME DEBIAN_PACKAGE [find_package arguments…])
macro(require_package name debian_package)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} is missing: apt-get install ${debian_package}")
  endif()
endmacro()

macro(require_pkg_config target module version debian_package)
  pkg_check_modules(${target} QUIET IMPORTED_TARGET "${module}>=${version}")
  if(NOT ${target}_FOUND)
    message(FATAL_ERROR "${module} ${version} or newer is missing: apt-get install ${debian_package}")
  endif()
endmacro()

require_package(PkgConfig pkg-config)
require_package(Boost libboost-program-options-dev COMPONENTS program_options)
require_package(spdlog libspdlog-dev)
require_package(fmt libfmt-dev)
require_package(nlohmann_json nlohmann-json3-dev)
require_package(tl-expected libexpected-dev)
require_package(SQLiteCpp libsqlitecpp-dev)
require_package(Gettext gettext)
require_package(Intl "libc6-dev (libintl.h)")
require_pkg_config(NCURSESW ncursesw 6.0 libncurses-dev)

require_pkg_config(CAPNG libcap-ng 0.8 libcap-ng-dev)

# Headers only.
macro(require_header variable header debian_package)
  find_path(${variable} ${header})
  if(NOT ${variable})
    message(FATAL_ERROR "${header} is missing: apt-get install ${debian_package}")
  endif()
endmacro()
require_header(MSGPACK_INCLUDE_DIR msgpack.hpp libmsgpack-cxx-dev)
require_header(XXHASH_INCLUDE_DIR xxhash.h libxxhash-dev)
require_header(UTFCPP_INCLUDE_DIR utf8.h libutfcpp-dev)

require_pkg_config(LIBBPF libbpf 1.1 libbpf-dev)

find_path(BCC_INCLUDE_DIR bcc/BPF.h)
find_library(BCC_LIBRARY bcc)
if(NOT BCC_INCLUDE_DIR OR NOT BCC_LIBRARY)
  message(FATAL_ERROR "libbcc with its C++ API is missing: apt-get install libbpfcc-dev")
endif()
file(STRINGS ${BCC_INCLUDE_DIR}/bcc/bcc_version.h bcc_version REGEX "define LIBBCC_VERSION ")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" BCC_VERSION "${bcc_version}")
if(BCC_VERSION VERSION_LESS 0.26)
  message(FATAL_ERROR "libbcc ${BCC_VERSION} is too old, 0.26 is needed: apt-get install libbpfcc-dev")
endif()
add_library(bcc SHARED IMPORTED)
set_target_properties(bcc PROPERTIES
  IMPORTED_LOCATION ${BCC_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES "${BCC_INCLUDE_DIR};${BCC_INCLUDE_DIR}/bcc/compat")

# The LLVM that libbcc itself is linked to, no other.
execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${BCC_LIBRARY} OUTPUT_VARIABLE bcc_needs ERROR_QUIET)
if(NOT bcc_needs MATCHES "libLLVM(-|\\.so\\.)([0-9]+)")
  message(FATAL_ERROR "cannot tell which LLVM ${BCC_LIBRARY} uses (objdump -p shows no libLLVM)")
endif()
set(BCC_LLVM_MAJOR ${CMAKE_MATCH_2})
find_package(LLVM QUIET CONFIG PATHS /usr/lib/llvm-${BCC_LLVM_MAJOR} NO_DEFAULT_PATH)
if(NOT LLVM_FOUND)
  message(FATAL_ERROR "LLVM ${BCC_LLVM_MAJOR}, which libbcc uses, is missing: apt-get install llvm-${BCC_LLVM_MAJOR}-dev")
endif()
message(STATUS "libbcc ${BCC_VERSION} with LLVM ${LLVM_PACKAGE_VERSION}")
