// Names of places in the program, for dumps: what a return address says of the call before it.
//
// Looked up only when a dump is written. The linker's tables know the functions of shared libraries
// and of programs linked with -rdynamic; of others they know the file and the offset in it, from
// which `addr2line -Cfie FILE OFFSET` tells function, file and line.
#pragma once

#include <string>
#include <unordered_map>

namespace sluice::detail {

class places {
 public:
  /// Where the call stands that returns to that address. Any thread; may wait for one that loads a
  /// library just now. Throws std::bad_alloc.
  [[nodiscard]] const std::string& name_of(const void* return_address);

 private:
  /// A dump meets the same few places again and again, and looking one up takes long.
  std::unordered_map<const void*, std::string> known_;
};

}  // namespace sluice::detail
