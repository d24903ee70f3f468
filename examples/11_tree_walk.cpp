// A recursive walk: each folder is a fiber of one scope, which ends when the last of them has. No
// count of what is open, no special item for the end.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// Puts the size of each file below the folder.
void walk(sluice::scope& all, const fs::path& folder, const sluice::channel<std::uintmax_t>& to) {
  for (const fs::directory_entry& one : fs::directory_iterator(folder)) {
    if (one.is_directory()) {
      all.go([&all, path = one.path(), to] { walk(all, path, to); });
    } else {
      to << one.file_size();
    }
  }
}

/// A folder with 3 * 3 * 3 files of 10 bytes each in folders two levels deep.
fs::path make_a_tree() {
  std::string name = (fs::temp_directory_path() / "sluice-walk-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  for (const char* outer : {"a", "b", "c"}) {
    for (const char* inner : {"x", "y", "z"}) {
      const fs::path folder = fs::path(name) / outer / inner;
      fs::create_directories(folder);
      for (const char* file : {"1", "2", "3"}) std::ofstream(folder / file) << "ten bytes!";
    }
  }
  return name;
}

}  // namespace

int main() {
  const fs::path root = make_a_tree();
  const sluice::channel<std::uintmax_t> sizes{16};
  auto walker = sluice::go([&root, sizes] {
    const sluice::close_on_exit done{sizes};
    sluice::scope all;
    walk(all, root, sizes);
    all.join();  // rethrows the first error of any folder, and stops the others for it
  });
  std::uintmax_t bytes = 0;
  int files = 0;
  for (const std::uintmax_t size : sizes) {
    bytes += size;
    ++files;
  }
  walker.join();
  fs::remove_all(root);
  std::cout << files << " files, " << bytes << " bytes\n";
}
