// The one binary: `saker serve`, `saker model ...`, `saker bench ...`, `saker version`.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "server/config.h"
#include "server/models/model_file.h"
#include "server/serve.h"
#include "tools/bench/commands.h"

namespace saker::server {
namespace {

int Report(const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "saker: %s\n", status.message().c_str());
  return 1;
}

void AddServe(CLI::App& app, Config* config, std::string* config_file) {
  CLI::App* serve = app.add_subcommand("serve", "run the server");
  serve->add_option("--config", *config_file, "YAML file with the same names as the flags");
  ForEachSetting(*config, [&](const char* name, auto& member, const char* help) {
    using Member = std::decay_t<decltype(member)>;
    if constexpr (std::is_same_v<Member, bool>) {
      serve->add_flag("--" + std::string(name), member, help);
    } else {
      auto* option = serve->add_option("--" + std::string(name), member, help);
      if constexpr (!std::is_same_v<Member, std::vector<std::string>>) option->capture_default_str();
      if constexpr (std::is_same_v<Member, std::vector<std::string>>) option->expected(1)->take_all();
    }
  });
}

struct ModelArguments {
  std::string data = "./saker-data";
  std::string name;
  std::string path;
  std::vector<std::string> aliases;
};

void AddModel(CLI::App& app, ModelArguments* arguments) {
  CLI::App* model = app.add_subcommand("model", "name the models a server may serve");
  model->require_subcommand(1);
  CLI::App* add = model->add_subcommand("add", "add a model; a running server notices");
  add->add_option("name", arguments->name, "its name in requests; may hold slashes")->required();
  add->add_option("path", arguments->path, "a directory in Hugging Face layout")->required();
  add->add_option("--alias", arguments->aliases, "another name; may be given more than once")->expected(1)->take_all();
  CLI::App* list = model->add_subcommand("list", "show the models");
  CLI::App* remove = model->add_subcommand("remove", "forget a model; its files stay");
  remove->add_option("name", arguments->name, "the model")->required();
  for (CLI::App* command : {add, list, remove})
    command->add_option("--data", arguments->data, "the server's data directory")->capture_default_str();
}

int RunModel(const CLI::App& model, const ModelArguments& arguments) {
  if (model.got_subcommand("add")) {
    Result<std::string> directory = models::CheckModelDirectory(arguments.path);
    if (!directory.ok()) return Report(directory.status());
    const Status added = models::AddModel(arguments.data, {arguments.name, *directory, arguments.aliases});
    if (added.ok()) std::printf("%s -> %s\n", arguments.name.c_str(), directory->c_str());
    return Report(added);
  }
  if (model.got_subcommand("remove")) return Report(models::RemoveModel(arguments.data, arguments.name));
  const auto entries = models::ReadModelFile(models::ModelFilePath(arguments.data));
  if (!entries.ok()) return Report(entries.status());
  if (entries->empty()) std::printf("no models; add one: saker model add NAME PATH\n");
  for (const models::ModelEntry& entry : *entries) {
    std::printf("%s\t%s", entry.name.c_str(), entry.path.c_str());
    for (const std::string& alias : entry.aliases) std::printf("\talias %s", alias.c_str());
    std::printf("\n");
  }
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Saker: a vector database that embeds and reranks in the same process.", "saker");
  app.set_version_flag("--version", std::string("saker ") + kVersion);
  app.get_formatter()->column_width(34);
  Config config;
  std::string config_file;
  ModelArguments model;
  AddServe(app, &config, &config_file);
  AddModel(app, &model);
  bench::AddBench(app);
  app.add_subcommand("version", "print the version");
  CLI11_PARSE(app, argc, argv);
  if (app.get_subcommands().empty()) {
    std::fprintf(stderr,
                 "saker: say what to do: serve, model, bench or version; `saker serve` needs nothing else. saker --help tells more\n");
    return 1;
  }

  if (app.got_subcommand("version")) {
    std::printf("saker %s\n", kVersion);
    return 0;
  }
  if (app.got_subcommand("model")) return RunModel(*app.get_subcommand("model"), model);
  if (app.got_subcommand("bench")) return bench::RunBench(app);
  if (!config_file.empty()) {
    // The file first, then the flags again over it: flags win.
    Config merged;
    if (const Status read = ReadConfigFile(config_file, &merged); !read.ok()) return Report(read);
    const CLI::App& serve = *app.get_subcommand("serve");
    ForEachSetting(config, [&](const char* name, auto& flag, const char*) {
      if (serve.count("--" + std::string(name)) == 0) return;
      ForEachSetting(merged, [&, name](const char* other, auto& member, const char*) {
        if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::decay_t<decltype(flag)>>) {
          if (std::string_view(name) == other) member = flag;
        }
      });
    });
    config = merged;
  }
  return Serve(config);
}

}  // namespace
}  // namespace saker::server

int main(int argc, char** argv) {
  return saker::server::Main(argc, argv);
}
