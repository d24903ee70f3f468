// usage: X_fuzz_test INPUTS FOLDER
//
// The cheap form of a fuzzer: first the start corpus, each file of FOLDER as it is, then INPUTS
// random ones: changed ones of the corpus, and plain noise. SLUICE_SEED=7 repeats a run. What else it
// is given is ignored: a lane has the same options for all programs, and most are doctest's.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz.hpp"

namespace {

using bytes = std::vector<unsigned char>;

constexpr std::size_t most_bytes = 4096;

class inputs {
 public:
  inputs(std::vector<bytes> corpus, std::uint64_t seed)
      : corpus_(std::move(corpus)), random_(seed) {}

  bytes next() {
    if (below(8) == 0) return noise(below(512));
    bytes made = corpus_[below(corpus_.size())];
    for (std::size_t changes = below(4); changes > 0; --changes) change(made);
    made.resize(std::min(made.size(), most_bytes));
    if (below(2) == 0) fuzz::repair(made);
    return made;
  }

 private:
  /// 0 if there is nothing below.
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  unsigned char byte() { return static_cast<unsigned char>(random_()); }

  bytes noise(std::size_t size) {
    bytes made(size);
    for (unsigned char& one : made) one = byte();
    return made;
  }

  void change(bytes& of) {
    const std::size_t at = below(of.size() + 1);
    const auto place = of.begin() + static_cast<std::ptrdiff_t>(at);
    const auto rest = static_cast<std::size_t>(of.end() - place);
    const auto end = place + static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(rest, 64)));
    switch (below(7)) {
      case 0:
        if (rest > 0) *place ^= static_cast<unsigned char>(1U << below(8));
        break;
      case 1:
        if (rest > 0) *place = byte();
        break;
      case 2:
        of.erase(place, end);
        break;
      case 3: {
        const bytes more = noise(below(16));
        of.insert(place, more.begin(), more.end());
        break;
      }
      case 4: {
        const bytes again(place, end);
        of.insert(of.begin() + static_cast<std::ptrdiff_t>(below(of.size() + 1)), again.begin(),
                  again.end());
        break;
      }
      case 5: {
        const bytes& other = corpus_[below(corpus_.size())];
        of.insert(place, other.begin(), other.end());
        break;
      }
      default:
        of.resize(at);
        break;
    }
  }

  const std::vector<bytes> corpus_;
  std::mt19937_64 random_;
};

std::vector<bytes> read_corpus(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& one : std::filesystem::directory_iterator(folder)) paths.push_back(one.path());
  std::ranges::sort(paths);
  std::vector<bytes> all;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    all.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s INPUTS FOLDER\n", argv[0]);
    return 2;
  }
  const char* const given = std::getenv("SLUICE_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
  std::fprintf(stderr, "SLUICE_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const unsigned long count = std::strtoul(argv[1], nullptr, 10);
  std::vector<bytes> corpus = read_corpus(argv[2]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no file in %s\n", argv[0], argv[2]);
    return 2;
  }
  for (const bytes& one : corpus) fuzz::check(one);
  const std::size_t files = corpus.size();
  inputs random(std::move(corpus), seed);
  for (unsigned long i = 0; i < count; ++i) fuzz::check(random.next());
  std::printf("%zu inputs of the corpus and %lu random ones: as the model says\n", files, count);
  return 0;
}
