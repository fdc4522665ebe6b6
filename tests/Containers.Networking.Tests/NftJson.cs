using System.Text.Json;
using System.Text.Json.Nodes;

namespace Containers.Tests;

/// <summary>What nft(8) says of a namespace, without the numbers that the kernel gives to rules and tables.</summary>
internal static class NftJson
{
    /// <summary>One line for each thing, in order of its text, since sets are listed in no order.</summary>
    public static IReadOnlyList<string> Ruleset(TestNamespace? network = null)
    {
        string json = network is null ? Tool.Run("nft", "-j", "list", "ruleset") : network.Bash("nft -j list ruleset");
        return [.. JsonNode.Parse(json)!["nftables"]!.AsArray().Where(item => item!["metainfo"] is null).Select(item => Line(item!))];
    }

    private static string Line(JsonNode item)
    {
        JsonObject thing = item.AsObject().First().Value!.AsObject();
        thing.Remove("handle");
        if (item["table"] is not null)
        {
            thing.Remove("flags"); // "owner", which nft 1.0.6 shows as "inet"
        }

        if (thing["elem"] is JsonArray elements)
        {
            thing["elem"] = new JsonArray([.. elements.OrderBy(element => element!.ToJsonString(), StringComparer.Ordinal).Select(element => element!.DeepClone())]);
        }

        return item.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
