// What the fragments of docs/pipeline.md use.
#include <optional>
#include <sluice/pipeline.hpp>
#include <sluice/sluice.hpp>
#include <stop_token>
#include <string>
#include <vector>

namespace stages = sluice::pipeline;

std::string read_and_pack(const std::string& path);
bool is_small(const std::string& packed);

extern const std::vector<std::string> paths;

struct chunk {
  std::vector<char> bytes;
};
std::optional<chunk> read_chunk();
void wake_reader();
