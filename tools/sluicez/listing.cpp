#include "listing.hpp"

#include <cinttypes>
#include <cstdio>

#include "report.hpp"

namespace sluicez {

void listing::add(const std::string& name, std::time_t time, std::uint64_t packed_bytes,
                  const unpacked& found) {
  if (rows_++ == 0 && heading_ == heading::shown) {
    if (which_ == columns::all) std::printf("method  crc     date  time  ");
    std::printf("         compressed        uncompressed  ratio uncompressed_name\n");
  }
  if (which_ == columns::all) {
    char date[32] = "";
    std::tm parts{};
    if (::localtime_r(&time, &parts) != nullptr) {
      (void)std::strftime(date, sizeof date, "%b %e %H:%M", &parts);
    }
    std::printf("defla %08" PRIx32 " %s ", found.crc, date);
  }
  print_sizes(packed_bytes, found.out_bytes, found.frame_bytes, name);
  packed_ += packed_bytes;
  plain_ += found.out_bytes;
}

void listing::finish() const {
  if (rows_ < 2 || heading_ == heading::hidden) return;
  if (which_ == columns::all) std::printf("%28s", "");
  print_sizes(packed_, plain_, 0, "(totals)");
}

void listing::print_sizes(std::uint64_t packed_bytes, std::uint64_t plain_bytes,
                          std::uint64_t frame_bytes, const std::string& name) const {
  const std::string saved = saved_percent(static_cast<double>(packed_bytes - frame_bytes),
                                          static_cast<double>(plain_bytes));
  std::printf("%19" PRIu64 " %19" PRIu64 " %s %s\n", packed_bytes, plain_bytes, saved.c_str(),
              name.c_str());
}

}  // namespace sluicez
