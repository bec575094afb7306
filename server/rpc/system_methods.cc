#include "common/timestamp.h"
#include "common/utf8.h"
#include "server/rpc/call.h"
#include "server/schema/error.h"

namespace saker::rpc {
namespace {

Status Connect(const Call& call, const mp::ConnectRequest&, mp::ConnectResponse* out) {
  // Clients name their database only here; a wrong one must not wait for the first real call.
  if (!call.metadata_database.empty()) TRY(call.backend().DescribeDatabase(std::string(call.metadata_database)));
  const Timestamp now = TRY(call.backend().AllocateTimestamp());
  out->set_identifier(static_cast<int64_t>(now | 1));  // 0 would mean "no handshake here"
  auto* info = out->mutable_server_info();
  info->set_build_tags(call.services.options.version);
  info->set_build_time(__DATE__);
  info->set_git_commit("saker");
  info->set_go_version("none: C++20");
  info->set_deploy_mode("STANDALONE");
  return OkStatus();
}

Status GetVersion(const Call& call, const mp::GetVersionRequest&, mp::GetVersionResponse* out) {
  out->set_version(call.services.options.version);
  return OkStatus();
}

Status CheckHealth(const Call& call, const mp::CheckHealthRequest&, mp::CheckHealthResponse* out) {
  if (call.services.options.missing) {
    for (const std::string& reason : call.services.options.missing()) out->add_reasons(ReadableUtf8(reason));
  }
  out->set_ishealthy(out->reasons().empty());
  return OkStatus();
}

Status AllocTimestamp(const Call& call, const mp::AllocTimestampRequest&, mp::AllocTimestampResponse* out) {
  out->set_timestamp(TRY(call.backend().AllocateTimestamp()));
  return OkStatus();
}

Status GetComponentStates(const Call&, const mp::GetComponentStatesRequest&, mp::ComponentStates* out) {
  auto* state = out->mutable_state();
  state->set_nodeid(1);
  state->set_role("standalone");
  state->set_state_code(pb::common::Healthy);
  *out->add_subcomponent_states() = *state;
  return OkStatus();
}

Status GetMetrics(const Call& call, const mp::GetMetricsRequest&, mp::GetMetricsResponse* out) {
  out->set_component_name("standalone");
  out->set_response(R"({"nodes_info":[{"identifier":1,"connected":[],"infos":{"type":"standalone","name":"standalone1","system_info":)"
                    R"({"system_version":")" +
                    call.services.options.version + R"(","deploy_mode":"STANDALONE"}}}]})");
  return OkStatus();
}

Status RunAnalyzer(const Call& call, const mp::RunAnalyzerRequest& request, mp::RunAnalyzerResponse* out) {
  proxy::RunAnalyzerRequest run;
  run.texts.assign(request.placeholder().begin(), request.placeholder().end());
  run.analyzer_params = request.analyzer_params();
  run.target = call.Target(request);
  run.field = request.field_name();
  run.analyzer_names.assign(request.analyzer_names().begin(), request.analyzer_names().end());
  for (const proxy::AnalyzedText& text : TRY(call.backend().RunAnalyzer(run, call.context))) {
    auto* result = out->add_results();
    for (size_t i = 0; i < text.tokens.size(); ++i) {
      auto* token = result->add_tokens();
      token->set_token(text.tokens[i].text);
      if (request.with_detail()) {
        token->set_start_offset(text.tokens[i].start);
        token->set_end_offset(text.tokens[i].end);
        token->set_position(text.tokens[i].position);
        token->set_position_length(text.tokens[i].position_length);
      }
      if (request.with_hash()) token->set_hash(text.hashes[i]);
    }
  }
  return OkStatus();
}

Status ComputePhraseMatchSlop(const Call& call, const mp::ComputePhraseMatchSlopRequest& request, mp::ComputePhraseMatchSlopResponse* out) {
  proxy::PhraseSlopRequest slop;
  slop.analyzer_params = request.analyzer_params();
  slop.phrase = request.query_text();
  slop.texts.assign(request.data_texts().begin(), request.data_texts().end());
  for (const std::optional<uint32_t>& least : TRY(call.backend().ComputePhraseSlops(slop, call.context))) {
    out->add_is_match(least.has_value());
    out->add_slops(least.has_value() ? int64_t{*least} : -1);
  }
  return OkStatus();
}

constexpr const char kDefaultResourceGroup[] = "__default_resource_group";

Status ListResourceGroups(const Call&, const mp::ListResourceGroupsRequest&, mp::ListResourceGroupsResponse* out) {
  out->add_resource_groups(kDefaultResourceGroup);
  return OkStatus();
}

Status DescribeResourceGroup(const Call&, const mp::DescribeResourceGroupRequest& request, mp::DescribeResourceGroupResponse* out) {
  if (request.resource_group() != kDefaultResourceGroup) {
    return MilvusError(MilvusErrorCode::kResourceGroupNotFound, "resource group not found[rg=", request.resource_group(), "]");
  }
  auto* group = out->mutable_resource_group();
  group->set_name(kDefaultResourceGroup);
  group->set_capacity(1);
  group->set_num_available_node(1);
  auto* node = group->add_nodes();
  node->set_node_id(1);
  node->set_hostname("localhost");
  return OkStatus();
}

}  // namespace

std::vector<Method> SystemMethods() {
  return {Entry<Connect>("Connect"),
          Entry<GetVersion>("GetVersion"),
          Entry<CheckHealth>("CheckHealth"),
          Entry<AllocTimestamp>("AllocTimestamp"),
          Entry<GetComponentStates>("GetComponentStates"),
          Entry<GetMetrics>("GetMetrics"),
          Entry<RunAnalyzer>("RunAnalyzer"),
          Entry<ComputePhraseMatchSlop>("ComputePhraseMatchSlop"),
          Entry<ListResourceGroups>("ListResourceGroups"),
          Entry<DescribeResourceGroup>("DescribeResourceGroup")};
}

}  // namespace saker::rpc
