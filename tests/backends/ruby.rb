# The same application by Sinatra, on WEBrick. `ruby ruby.rb PORT`
require "json"
require "sinatra/base"
require "webrick"

class Application < Sinatra::Base
  set :server, "webrick"
  set :bind, "127.0.0.1"
  set :port, ARGV[0].to_i
  set :environment, :production
  set :strict_paths, false
  set :protection, false
  set :quiet, true
  set :server_settings, Logger: WEBrick::Log.new(File::NULL), AccessLog: []

  def say(route, *args)
    { route: route, args: args.map { |text| text.dup.force_encoding("UTF-8").scrub } }.to_json
  end

  get("/products") { say "products" }
  get("/products/:id") { say "product", params[:id] }
  get("/users/:name/orders") { say "orders", params[:name] }
  get("/users/:name/orders/:id") { say "order", params[:name], params[:id] }
  get("/files/*") { say "file", params[:splat].join("/") }
  get("/admin") { say "admin" }
  get("/admin/*") { say "admin", params[:splat].join("/") }
  run!
end
